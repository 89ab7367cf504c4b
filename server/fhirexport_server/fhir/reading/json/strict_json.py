"""A strict decoder for JSON from outside. Its errors never quote the text."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.fhir.reading.json import steps

MOST_LEVELS: Final = 64
"""The deepest nesting of objects and arrays."""
MOST_VALUES: Final = 1_000_000
"""The most values in one text: in memory, a value takes up to thirty times its length."""
_BOM: Final = b"\xef\xbb\xbf"
_NAME: Final = re.compile(rb'"[ \t\r\n]*:')
_DECODER: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(eq=False)
class MalformedJsonError(FhirExportError):
    """The bytes are not JSON that this service accepts."""

    rule: str
    """What the bytes must be. It never quotes them."""


def decode(data: bytes) -> object:
    """Decode one JSON text (RFC 8259, I-JSON of RFC 7493).

    Raises:
        MalformedJsonError: It is not JSON in UTF-8, is nested more than 64 deep, names a property twice
            in an object, contains NUL or a lone surrogate, a number outside the range of a double, or
            more than a million values.
    """
    # RFC 8259 lets parsers ignore a byte order mark.
    data = data.removeprefix(_BOM).strip(b" \t\r\n")
    if len(data) > MOST_VALUES and sum(map(data.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise MalformedJsonError(f"must hold at most {MOST_VALUES} commas and brackets")
    is_long = len(data) > steps.PIECE_BYTES and data.startswith((b"{", b"["))
    value = _in_steps(data) if is_long else _piece(data, 1)
    if b"\\u0000" in data and _has_nul(value):
        raise MalformedJsonError("must not contain the character NUL")
    return value


def _in_steps(data: bytes) -> object:
    try:
        return steps.decode(data, _piece, MOST_LEVELS)
    except steps.CutError:
        raise _no_json() from None
    except steps.DoubleError:
        raise _double() from None
    except steps.DeepError:
        raise _too_deep() from None


def _piece(data: bytes, level: int) -> object:
    """Decode a text, or a part of one that stands at a level."""
    try:
        value = _DECODER.decode(data)
        is_plain = _ENCODER.encode(value) == data
    except msgspec.ValidationError:
        raise MalformedJsonError("numbers must be in the range of a double") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_json() from None
    except RecursionError:
        raise _too_deep() from None
    # Most programs write JSON that encodes to the same bytes again: then no name stands twice.
    if not is_plain or data.count(b"{") + data.count(b"[") > MOST_LEVELS - level + 1:
        names = _names(value, level)
        # A colon follows every name. As many quotes with a colon as names means that no name was lost.
        if not is_plain and sum(1 for _ in _NAME.finditer(data)) != names:
            _refuse_doubles(data)
    return value


def _no_json() -> MalformedJsonError:
    return MalformedJsonError("must be JSON (RFC 8259) in UTF-8, without lone surrogates")


def _double() -> MalformedJsonError:
    return MalformedJsonError("must not name a property twice in one object")


def _too_deep() -> MalformedJsonError:
    return MalformedJsonError(f"must not be nested more than {MOST_LEVELS} deep")


def _names(value: object, level: int) -> int:
    """Count the properties of all objects, and refuse what is nested too deep."""
    names = 0
    values: Iterable[object] = ()
    if isinstance(value, dict):
        names, values = len(value), value.values()
    elif isinstance(value, list):
        values = value
    else:
        return 0
    if level > MOST_LEVELS:
        raise _too_deep()
    level += 1
    for inner in values:
        if inner.__class__ is dict or inner.__class__ is list:
            names += _names(inner, level)
    return names


def _refuse_doubles(data: bytes) -> None:
    def check(pairs: list[tuple[str, object]]) -> None:
        if len({name for name, _ in pairs}) != len(pairs):
            raise _double()

    json.loads(data, object_pairs_hook=check)


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in name or _has_nul(inner) for name, inner in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))
