"""The status of a call that the server ends before the client has sent everything."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import grpc

T = TypeVar("T")
_LOST = (grpc.StatusCode.INTERNAL, "Internal error from Core")
_SECONDS = 1.0
"""How long the server's status may still be on its way."""


class EarlyStatus:
    """Keeps the status that the server sends.

    The asyncio library of gRPC replaces it by an INTERNAL where a message can no longer be sent, because
    the server has ended the call (grpc/grpc#36066).
    """

    def __init__(self, call: grpc.aio.Call) -> None:
        self._sent: grpc.aio.AioRpcError | None = None
        self._came = asyncio.Event()
        call.add_done_callback(self._note)

    async def error(self, raised: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """Return the error that the server has told of; `raised`, where it has told of none."""
        if (raised.code(), raised.details()) != _LOST:
            return raised
        try:
            async with asyncio.timeout(_SECONDS):
                await self._came.wait()
        except TimeoutError:
            return raised
        return self._sent or raised

    def _note(self, call: Any) -> None:  # noqa: ANN401 - gRPC calls it with the call
        code, details, metadata = _now(call.code()), _now(call.details()), _now(call.trailing_metadata())
        if (code, details) != _LOST and code is not grpc.StatusCode.OK:
            self._sent = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details=details)
            self._came.set()


def _now(known: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that has nothing to wait for."""
    try:
        known.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("there was something to wait for")
