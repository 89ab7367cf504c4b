"""The messages of one method."""

from __future__ import annotations  # gRPC's handler type takes no parameters at run time

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from google.protobuf.message import Message

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.admission.exchange import Exchange
from fhirexport_server.rpc.call import Call, Context
from fhirexport_server.rpc.interceptors.request_id import send_metadata

if TYPE_CHECKING:
    import grpc

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Unary: TypeAlias = Callable[[Message, Context], Awaitable[Message]]
_ClientStream: TypeAlias = Callable[[AsyncIterator[Message], Context], Awaitable[Message]]
_ServerStream: TypeAlias = Callable[[Message, Context], AsyncGenerator[Message, None]]
_BothStream: TypeAlias = Callable[[AsyncIterator[Message], Context], AsyncGenerator[Message, None]]
_IMPORTS: Final = "fhirexport.v1.ImportService"
_WEIGHTS: Final = {"StreamExport": 7}
"""How much more memory a large request of a method takes than its message: digests go into a table."""
_NO_MESSAGE: Final = "must be one message; there was none"


class MethodMessages:
    """Reads the requests of one method, and writes its responses."""

    def __init__(self, service: str, method: str, handler: _Handler, limits: Limits) -> None:
        self._handler = handler
        self._weight = _WEIGHTS.get(method, 1)
        self._parse = cast("Callable[[bytes], Message]", handler.request_deserializer)
        self._serialize = cast("Callable[[Message], bytes]", handler.response_serializer)
        is_bundle = service == _IMPORTS and not handler.request_streaming
        self._request_seconds = limits.bundle_seconds if is_bundle else limits.request_seconds
        self._idle_seconds = limits.idle_seconds
        self.first_seconds = self._idle_seconds if handler.request_streaming else self._request_seconds
        self.answer = self._many if handler.response_streaming else self._one

    async def _one(self, call: Call, exchange: Exchange) -> bytes:
        if self._handler.request_streaming:
            respond = cast("_ClientStream", self._handler.stream_unary)
            response = await respond(self._requests(call, exchange), call.context)
        else:
            # No variable here refers to the request, so that the method can release it once it is read.
            unary = cast("_Unary", self._handler.unary_unary)
            response = await unary(await self._request(call, exchange), call.context)
        message = self._serialized(response)
        await exchange.room(len(message))
        call.record_sent(message)
        return message  # for gRPC to send, together with the status

    async def _many(self, call: Call, exchange: Exchange) -> bytes:
        if self._handler.request_streaming:
            both = cast("_BothStream", self._handler.stream_stream)
            generated = both(self._requests(call, exchange), call.context)
        else:
            respond = cast("_ServerStream", self._handler.unary_stream)
            generated = respond(await self._request(call, exchange), call.context)
        # gRPC does not close a generator whose call has died (grpc/grpc#42295).
        async with aclosing(generated) as responses:
            async for response in responses:
                message = self._serialized(response)
                await exchange.write(message)
                call.record_sent(message)
        return b""

    async def _request(self, call: Call, exchange: Exchange) -> Message:
        raw = await exchange.read(self._request_seconds)
        if raw is None:
            await _alive(call)
            raise InvalidRequestError((FieldViolation("", _NO_MESSAGE),))
        call.received = 1
        exchange.keep(self._weight * len(raw))
        return await exchange.parsed(self._parse, raw)

    async def _requests(self, call: Call, exchange: Exchange) -> AsyncIterator[Message]:
        while (raw := await exchange.read(self._idle_seconds)) is not None:
            call.received += 1
            message, raw = await exchange.parsed(self._parse, raw), None
            yield message
            del message
        await _alive(call)

    def _serialized(self, response: Message | bytes) -> bytes:
        # `rpc/exports/wire.py` has serialized some already.
        return response if isinstance(response, bytes) else self._serialize(response)


async def _alive(call: Call) -> None:
    """Make sure that the client has ended its request and not the call.

    gRPC reports the end of both in the same way. But sending the metadata fails where the call has died, so
    that a half of an import is never taken for all of it. Where a response was sent already, the metadata
    cannot be sent twice, and nothing depends on the difference.
    """
    if not call.sent:
        await send_metadata(call.context)
