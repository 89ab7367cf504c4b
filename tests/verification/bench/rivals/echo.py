"""The rival of a hit: a bare grpc.aio server that answers every call with the bytes of one file.

Usage: `python echo.py FILE`; prints its port.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc


class _Echo(grpc.GenericRpcHandler):
    """Answers any unary method with the same bytes, which nobody serializes again."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def service(self, _details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 - the library's type is unnamed
        async def answer(_request: bytes, _context: object) -> bytes:
            return self._answer

        return grpc.unary_unary_rpc_method_handler(answer)


async def main(answer: bytes) -> None:
    """Serves until it is ended."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Echo(answer),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_bytes()))
