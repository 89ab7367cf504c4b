"""Owns how a token is written that callers carry about and give back unchanged: base64url of ASCII."""

import base64
import binascii

_LONGEST = 256


def seal(text: str) -> str:
    """Returns text as a token: opaque, URL-safe."""
    return base64.urlsafe_b64encode(text.encode("ascii")).decode().rstrip("=")


def unseal(token: str) -> str | None:
    """Returns the text of a token; None where it is not exactly as we write one."""
    if len(token) > _LONGEST:
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    return text if seal(text) == token else None
