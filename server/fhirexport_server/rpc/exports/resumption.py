"""Resume tokens of streams: which rendering it was, and how many chunks had been sent."""

import re

from fhirexport_server.domain import tokens
from fhirexport_server.exports.request import Resume

_TOKEN = re.compile(r"s1:([0-9a-f]{1,40}-[0-9a-f]{1,16}-[0-9a-f]{16}):(0|[1-9][0-9]{0,7})", re.ASCII)


def token(etag: str, chunks: int) -> str:
    """Return the token that is sent with chunk number `chunks` of a rendering."""
    return tokens.seal(f"s1:{etag}:{chunks}")


def resume(text: str) -> Resume | None:
    """Decode a token; return None where it is none of ours."""
    match = _TOKEN.fullmatch(tokens.unseal(text) or "")
    return Resume(match[1], int(match[2])) if match else None
