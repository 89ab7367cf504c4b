"""The request id: the caller's if it is well-formed, else a new one. The log and every response have it."""

import re
import secrets

import structlog

from fhirexport_server.rpc import call as calls
from fhirexport_server.rpc.call import Call, Context, Headers, Inner

KEY = "x-request-id"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(headers: Headers) -> str:
    """Return the id that the caller sent, or a new one."""
    value = dict(headers).get(KEY, "")
    return value if value and isinstance(value, str) and _SANE.fullmatch(value) else secrets.token_hex(16)


async def send_metadata(context: Context, *more: tuple[str, str]) -> None:
    """Send the initial metadata of the call in progress: its id, and further pairs.

    Send them late: gRPC never repeats a call whose metadata has come, and its server may still end.
    """
    await context.send_initial_metadata(((KEY, calls.current().request_id), *more))


async def with_request_id(call: Call, inner: Inner) -> bytes:
    """Put the id into the trailers, and into every log line of the call."""
    call.context.set_trailing_metadata(((KEY, call.request_id),))
    # Of the call's task, with which they end.
    structlog.contextvars.bind_contextvars(request_id=call.request_id)
    return await inner()
