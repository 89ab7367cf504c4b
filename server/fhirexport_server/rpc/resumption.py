"""Owns the tokens by which a broken stream is taken up again: which rendering it was, how much had come."""

import base64
import binascii
import re

from fhirexport_server.exports.request import Resume

_TOKEN = re.compile(r"s1:([0-9a-f]{1,40}-[0-9a-f]{1,16}-[0-9a-f]{16}):([0-9]{1,8})", re.ASCII)
_LONGEST = 160


def token(etag: str, chunks: int) -> str:
    """Returns the token that goes with the last of so many chunks of a rendering."""
    return base64.urlsafe_b64encode(f"s1:{etag}:{chunks}".encode()).decode().rstrip("=")


def resume(text: str) -> Resume | None:
    """Reads a token; None when it is none of ours."""
    if len(text) > _LONGEST:
        return None
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    match = _TOKEN.fullmatch(decoded)
    if match is None or token(match[1], int(match[2])) != text:
        return None
    return Resume(match[1], int(match[2]))
