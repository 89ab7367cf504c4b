"""Opaque tokens, which callers return unchanged: base64url of ASCII text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

_LONGEST = 512


def seal(text: str) -> str:
    """Return an opaque, URL-safe token for a text."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unseal(token: str) -> str | None:
    """Return the text of a token; None if `seal` would not write exactly this token."""
    if len(token) > _LONGEST:
        return None
    try:
        text = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
    except (Base64Error, ValueError):
        return None
    return text if seal(text) == token else None
