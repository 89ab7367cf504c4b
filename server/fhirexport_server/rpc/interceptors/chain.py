"""The chain of layers around every call, and their order."""

from __future__ import annotations  # gRPC's handler type takes no parameters at run time

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import grpc

from fhirexport_server.domain.identity import Identity
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.admission.exchange import Exchange
from fhirexport_server.rpc.admission.gate import Gate
from fhirexport_server.rpc.call import Call, Context, Headers, Inner, Kind, Layer, begin
from fhirexport_server.rpc.interceptors.access_log import access_log
from fhirexport_server.rpc.interceptors.authentication import Authentication
from fhirexport_server.rpc.interceptors.call_metrics import CallMetrics
from fhirexport_server.rpc.interceptors.call_spans import tracing
from fhirexport_server.rpc.interceptors.deadline import deadline
from fhirexport_server.rpc.interceptors.failures import errors
from fhirexport_server.rpc.interceptors.method_messages import MethodMessages
from fhirexport_server.rpc.interceptors.request_id import request_id, send_metadata, with_request_id
from fhirexport_server.runtime.fairness.event_loop import take_turns_as, turn
from fhirexport_server.runtime.fairness.fair_places import work_for

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Find: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]]"
_OURS: Final = "fhirexport."
_SOON_SECONDS: Final = 1.0
"""A caller who leaves later than this, while it sends its request, is logged."""


def layers(
    metrics: CallMetrics, limits: Limits, tracer: Tracer | None, audited: Layer | None = None
) -> tuple[Layer, ...]:
    """Return the layers around a call, outermost first. `audited` writes down how it ended."""
    return (
        errors,  # nothing leaks, not even a bug in the layers that follow
        with_request_id,
        *((tracing(tracer),) if tracer else ()),
        metrics,
        access_log(),
        *((audited,) if audited else ()),
        errors,  # the layers above see the status, not the exception
        deadline(limits),
    )


class Chain(grpc.aio.ServerInterceptor):
    """Runs every call inside the layers, those of health and reflection inside fewer.

    Every method is registered with streamed requests. On the wire that is the same, but only then does gRPC
    begin a call before its request has arrived, so that it has a place and a time limit from its first byte.
    Messages are parsed and serialized inside as well: gRPC would send the messages of exceptions to the
    caller, and keep what is refused.
    """

    def __init__(
        self,
        around: Sequence[Layer],
        gate: Gate,
        authentication: Authentication | None = None,
        within: Sequence[Layer] = (),
    ) -> None:
        """Make it.

        Args:
            around: The layers.
            gate: Admits calls.
            authentication: Finds out who calls; None: nobody is asked.
            within: The innermost layers, for calls whose caller is known.
        """
        self._layers = around
        self._within = within
        self._gate = gate
        self._authentication = authentication
        self._handlers: dict[str, _Handler] = {}

    async def intercept_service(
        self, continuation: _Find, handler_call_details: grpc.HandlerCallDetails
    ) -> _Handler | None:
        """Return gRPC's handler with the layers around it."""
        path = handler_call_details.method
        wrapped = self._handlers.get(path)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # a path that the caller made up is not kept
        wrapped = self._handlers[path] = self._wrapped(path, handler)
        return wrapped

    def _wrapped(self, path: str, handler: _Handler) -> _Handler:
        service, _, method = path.removeprefix("/").partition("/")
        answering = MethodMessages(service, method, handler, self._gate.limits)
        is_ours = service.startswith(_OURS)
        around = self._layers if is_ours else (errors, with_request_id)
        within = self._within if is_ours else ()
        kind = _kind(handler)

        async def respond(context: Context) -> tuple[bytes, Call]:
            await self._turn(context)
            headers = context.invocation_metadata() or ()
            identity, unknown = self._identity(service, context, headers)
            exchange = self._gate.exchange(service, method, context, identity)
            peer = exchange.caller.connection
            call = Call(service, method, kind, context, request_id(headers), peer, exchange.room, identity)
            del headers  # a token is among them
            begin(call)
            work_for(exchange.caller.owner)
            if identity is not None:
                take_turns_as(identity.key)
            try:
                failure = await self._begun(call, exchange, answering.first_seconds, unknown)
                del unknown
                inner: Inner = partial(answering.answer, call, exchange)
                if failure is None:
                    inner = _around(within, call, inner)
                else:
                    inner = partial(_fail, failure)
                    del failure
                response = await _around(around, call, inner)()
                del inner
            finally:
                exchange.end(call)
                call.release()
            return response, call

        async def behavior(requests: object, context: Context) -> bytes:
            response, call = await respond(context)
            aborted, metadata = call.aborted, call.metadata
            del requests, call
            if aborted is None:
                if is_ours and kind == "unary":
                    try:
                        await send_metadata(context, *metadata)
                    except grpc.aio.InternalError:  # the caller has left
                        raise asyncio.CancelledError from None
                return response
            del context
            try:
                raise aborted
            finally:
                # gRPC keeps the exception with the call. It must not refer to the call.
                del aborted

        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(behavior)
        return grpc.stream_unary_rpc_method_handler(behavior)

    async def _turn(self, context: Context) -> None:
        """Wait for the turn of a caller, of whom the connection is known so far.

        Raises:
            CancelledError: The caller has left at once.
        """
        take_turns_as(context.peer())
        try:
            await turn()
        except asyncio.CancelledError:
            self._gate.left()
            raise

    def _identity(
        self, service: str, context: Context, headers: Headers
    ) -> tuple[Identity | None, Exception | None]:
        """Return who makes a call, and why that is not known. Nobody is known where nobody is asked."""
        if self._authentication is None:
            return None, None
        try:
            return self._authentication.identity(service, context, headers), None
        except Exception as error:  # noqa: BLE001 - a bug admits nobody, and is told inside the layers
            return None, error

    async def _begun(
        self, call: Call, exchange: Exchange, seconds: float, unknown: Exception | None
    ) -> BaseException | None:
        """Wait for the first message of a call, outside of its layers; return what prevents it.

        Of a call whose caller is not known, nothing is read.

        A storm of calls that are reset at once would keep everybody waiting if each of them were logged.

        Raises:
            CancelledError: The caller has left at once.
        """
        try:
            exchange.admit()
            if unknown is not None and self._authentication is not None:
                call.identity = await self._authentication.second_look(call.service, call.context, unknown)
                if call.identity is not None:
                    work_for(call.identity.key)
                    take_turns_as(call.identity.key)
            await exchange.begin(seconds)
        except asyncio.CancelledError as error:
            if time.monotonic() - call.begun < _SOON_SECONDS:
                self._gate.left()
                raise
            return error
        except Exception as error:  # noqa: BLE001 - it is told inside the layers
            return error
        return None


def _kind(handler: _Handler) -> Kind:
    if handler.response_streaming:
        return "server_stream"
    return "client_stream" if handler.request_streaming else "unary"


def _around(layers_around: Sequence[Layer], call: Call, inner: Inner) -> Inner:
    """Return what runs something within layers, of which the first is outermost."""
    for layer in reversed(layers_around):
        inner = partial(layer, call, inner)
    return inner


async def _fail(failure: BaseException) -> bytes:
    raise failure
