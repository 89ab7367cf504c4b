"""Owns the order of what happens around every call of our services."""

from __future__ import annotations  # gRPC's handler type takes no parameters at run time

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import grpc
from google.protobuf.message import Message

from fhirexport_server.rpc.call import Call, Context, Kind, Layer, begin
from fhirexport_server.rpc.errors import SlowClientError
from fhirexport_server.rpc.interceptors.access_log import access_log
from fhirexport_server.rpc.interceptors.deadline import deadline
from fhirexport_server.rpc.interceptors.errors import errors
from fhirexport_server.rpc.interceptors.metrics import CallMetrics
from fhirexport_server.rpc.interceptors.request_id import request_id, with_request_id
from fhirexport_server.rpc.interceptors.tracing import tracing
from fhirexport_server.rpc.limits import Limits

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_Find: TypeAlias = (
    "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[_Request, _Response] | None]]"
)
_Unary: TypeAlias = Callable[[Message, Context], Awaitable[Message]]
_ClientStream: TypeAlias = Callable[[AsyncIterator[Message], Context], Awaitable[Message]]
_ServerStream: TypeAlias = Callable[[Message, Context], AsyncGenerator[Message, None]]
_OURS = "/fhirexport."


def layers(metrics: CallMetrics, limits: Limits, tracer: Tracer | None) -> tuple[Layer, ...]:
    """Returns what is around a call, outermost first."""
    return (
        errors,  # nothing leaks, not even a bug in the layers that follow
        with_request_id,
        *((tracing(tracer),) if tracer else ()),
        metrics,
        access_log,
        errors,  # the layers above see the status, not the exception
        deadline(limits),
    )


class Chain(grpc.aio.ServerInterceptor):
    """Runs the calls of our services inside the layers; health and reflection are left alone.

    Messages are parsed and written inside as well: gRPC would send the text of their exceptions, too.
    """

    def __init__(self, around: Sequence[Layer], write_seconds: float) -> None:
        self._layers = around
        self._write_seconds = write_seconds

    async def intercept_service(
        self, continuation: _Find[_Request, _Response], handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[_Request, _Response] | None:
        """Returns gRPC's handler with the layers around it."""
        handler = await continuation(handler_call_details)
        path = handler_call_details.method
        if handler is None or not path.startswith(_OURS):
            return handler
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._server_stream(path, handler))
        if handler.request_streaming:
            behavior = self._client_stream(path, handler)
            return grpc.stream_unary_rpc_method_handler(behavior, handler.request_deserializer)
        return grpc.unary_unary_rpc_method_handler(self._unary(path, handler))

    def _unary(
        self, path: str, handler: grpc.RpcMethodHandler[_Request, _Response]
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def unary(raw: bytes, context: Context) -> bytes:
            async with self._around(path, "unary", context) as call:
                request = _parsed(handler, raw)
                call.received = 1
                answer = _written(handler, await cast("_Unary", handler.unary_unary)(request, context))
                call.went_out(answer)
            return answer

        return unary

    def _client_stream(
        self, path: str, handler: grpc.RpcMethodHandler[_Request, _Response]
    ) -> Callable[[AsyncIterator[Message], Context], Awaitable[bytes]]:
        async def client_stream(requests: AsyncIterator[Message], context: Context) -> bytes:
            async with self._around(path, "client_stream", context) as call:
                respond = cast("_ClientStream", handler.stream_unary)
                answer = _written(handler, await respond(_counted(requests, call), context))
                call.went_out(answer)
            return answer

        return client_stream

    def _server_stream(
        self, path: str, handler: grpc.RpcMethodHandler[_Request, _Response]
    ) -> Callable[[bytes, Context], Awaitable[None]]:
        async def server_stream(raw: bytes, context: Context) -> None:
            async with self._around(path, "server_stream", context) as call:
                request = _parsed(handler, raw)
                call.received = 1
                respond = cast("_ServerStream", handler.unary_stream)
                # gRPC does not close a generator whose call has died (grpc/grpc#42295).
                async with aclosing(respond(request, context)) as answers:
                    async for answer in answers:
                        message = _written(handler, answer)
                        await self._write(context, message)
                        call.went_out(message)

        return server_stream

    @asynccontextmanager
    async def _around(self, path: str, kind: Kind, context: Context) -> AsyncIterator[Call]:
        service, _, method = path.removeprefix("/").partition("/")
        call = Call(service, method, kind, context, request_id(context))
        begin(call)
        async with AsyncExitStack() as stack:
            for layer in self._layers:
                await stack.enter_async_context(layer(call))
            yield call

    async def _write(self, context: Context, message: bytes) -> None:
        """Sends a message, and gives a client that does not read a bounded time to take it."""
        scope = asyncio.timeout(self._write_seconds)
        try:
            async with scope:
                await cast("grpc.aio.ServicerContext[bytes, bytes]", context).write(message)
        except TimeoutError as error:
            raise SlowClientError(self._write_seconds) from error


async def _counted(requests: AsyncIterator[Message], call: Call) -> AsyncIterator[Message]:
    async for request in requests:
        call.received += 1
        yield request


def _parsed(handler: grpc.RpcMethodHandler[_Request, _Response], raw: bytes) -> Message:
    return cast("Callable[[bytes], Message]", handler.request_deserializer)(raw)


def _written(handler: grpc.RpcMethodHandler[_Request, _Response], answer: Message | bytes) -> bytes:
    if isinstance(answer, bytes):
        return answer  # `rpc/wire.py` has written it already
    return cast("Callable[[Message], bytes]", handler.response_serializer)(answer)
