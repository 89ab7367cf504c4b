"""The access log: one line for each call, when it ends. Never content."""

import time

from fhirexport_server.rpc.call import Call, Inner, Layer
from fhirexport_server.telemetry import logs


def access_log() -> Layer:
    """Return the layer that logs a call when it ends, however it ends."""
    write = logs.writer(__name__)

    async def layer(call: Call, inner: Inner) -> bytes:
        try:
            return await inner()
        finally:
            fields: dict[str, object] = {"rpc": f"{call.service}/{call.method}", "code": call.code.name}
            if call.reason:
                fields["reason"] = call.reason
            fields["ms"] = round((time.monotonic() - call.begun) * 1000, 1)
            fields["peer"] = call.peer
            if call.identity:
                fields["identity"] = call.identity.key
            fields["request_id"] = call.request_id
            fields.update(call.facts)
            write("call", fields)

    return layer
