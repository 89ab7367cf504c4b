"""The rival of a hit: a bare grpc.aio server that answers every call with the bytes of one file.

Usage: `python echo.py FILE [CERTIFICATE KEY]`; prints its port.
"""

import asyncio
import sys
from collections.abc import Sequence
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


async def main(answer: bytes, pair: Sequence[bytes]) -> None:
    """Serves until it is ended: with TLS where it is given a certificate and its key."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Echo(answer),))
    if pair:
        certificate, key = pair
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    content, *files = (Path(name).read_bytes() for name in sys.argv[1:])
    asyncio.run(main(content, files))
