"""A line of the audit trail: JSON, with its hash first and the hash of the line before in it.

The hash is the SHA-256 of the line without the member `hash` and without the newline, so that anybody can
check it with `sed` and `sha256sum`. Nothing is encoded anew for that: what is hashed are the bytes written.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

_START: Final = b'{"hash":"'
_AFTER_HASH: Final = b'",'
_HASH_END: Final = len(_START) + 64
_BODY: Final = _HASH_END + len(_AFTER_HASH)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LINK = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})", re.ASCII)

Fields = Mapping[str, Any]
"""What a line says, besides its place in the chain."""


@dataclass(frozen=True)
class ChainLink:
    """The place of a line in its chain."""

    sequence: int
    """The number of the line, from 1 on."""
    hash: str
    """Its SHA-256, in hexadecimal."""

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> "ChainLink":
        """Return the link that is written as `NUMBER:HASH`.

        Raises:
            ValueError: It is not one.
        """
        match = _LINK.fullmatch(text)
        if match is None:
            raise ValueError("not NUMBER:HASH")
        return cls(int(match[1]), match[2])


BEFORE_THE_FIRST: Final = ChainLink(0, "0" * 64)
"""What the first line of a chain follows."""


class DamagedLineError(Exception):
    """A line is not as it was written."""


@dataclass(frozen=True)
class AuditLine:
    """A line that agrees with its own hash."""

    link: ChainLink
    previous: str
    """The hash of the line before."""
    fields: Fields
    """All that it says, its place in the chain not among it."""


def sealed(fields: Fields, after: ChainLink) -> tuple[bytes, ChainLink]:
    """Return a line with its newline, and its place in the chain."""
    sequence = after.sequence + 1
    body = msgspec.json.encode({"sequence": sequence, "previous": after.hash, **fields})
    digest = hashlib.sha256(body).hexdigest()
    return b"".join((_START, digest.encode(), _AFTER_HASH, body[1:], b"\n")), ChainLink(sequence, digest)


def opened(line: bytes) -> AuditLine:
    """Return what a line says; it is given without its newline.

    Raises:
        DamagedLineError: It does not agree with its hash.
    """
    body = b"{" + line[_BODY:]
    digest = hashlib.sha256(body).hexdigest()
    if line[:_BODY] != _START + digest.encode() + _AFTER_HASH:
        raise DamagedLineError
    try:
        fields = msgspec.json.decode(body)
        sequence, previous = fields.pop("sequence"), fields.pop("previous")
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, KeyError):
        raise DamagedLineError from None
    if type(sequence) is not int or not isinstance(previous, str) or not _HASH.fullmatch(previous):
        raise DamagedLineError
    return AuditLine(ChainLink(sequence, digest), previous, fields)


def now() -> str:
    """Return the time as lines have it: UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
