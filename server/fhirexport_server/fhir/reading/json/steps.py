"""Decodes long JSON in short steps.

While the decoder works, no other thread of this process runs, and on eight megabytes it may work for a third
of a second. So a long text is cut, at commas, into pieces that are decoded one after the other. Every byte of
it is in a piece, or between two of them, where only white space may be: so nothing is left unchecked.
"""

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

PIECE_BYTES: Final = 64 * 1024
"""How long a piece is at most, if it is not one string or number."""
_WHITE: Final = b" \t\r\n"
_STRING: Final = rb'"[^"\\]*+"'
_FLAT: Final = rb'(?:\[(?:[^"\[\]{}]++|%b)*+\]|\{(?:[^"\[\]{}]++|%b)*+\})' % (_STRING, _STRING)
_LOW: Final = rb'(?:\[(?:[^"\[\]{}]++|%b|%b)*+\]|\{(?:[^"\[\]{}]++|%b|%b)*+\})' % ((_STRING, _FLAT) * 2)
_SKIPPED: Final = re.compile(rb'(?:[^"\[\]{},]++|%b|%b)*+' % (_STRING, _LOW))
"""What one step of the search passes over: it is in no array or object, or in one that is short and low."""
_COMMA, _LIST, _OBJECT, _BACKSLASH = b",[{\\"
_CLOSING: Final = {_LIST: ord("]"), _OBJECT: ord("}")}

Decode = Callable[[bytes, int], object]
"""Decodes a piece that stands at a level, from 1; raises what its caller raises for one that is wrong."""


class CutError(Exception):
    """The text is no JSON."""


class DoubleError(Exception):
    """An object has a property twice."""


class DeepError(Exception):
    """The text is nested too deep."""


class _Long(NamedTuple):
    """An array or object that is longer than a piece."""

    start: int
    end: int
    value: object


@dataclass
class _Open:
    """An array or object whose end was not seen yet."""

    bracket: int
    start: int
    """Where its bracket is."""
    commas: "array[int]" = field(default_factory=lambda: array("q"))
    """Where the commas between its parts are."""
    long: dict[int, "_Long"] = field(default_factory=dict)
    """The arrays and objects in it that are decoded already, by the number of the part that they are in."""

    def enclosed(self, parts: bytes) -> bytes:
        """Return parts between its brackets."""
        return bytes((self.bracket,)) + parts + bytes((_CLOSING[self.bracket],))


def decode(data: bytes, decode_piece: Decode, most_levels: int) -> object:
    """Decode a JSON text that is an array or an object.

    Args:
        data: The text, which is longer than a piece and begins with its bracket.
        decode_piece: Decodes a piece.
        most_levels: How deep it may be nested.

    Raises:
        CutError, DoubleError, DeepError: It is no JSON that is accepted.
    """
    stack: list[_Open] = []
    for place in _marks(data):
        mark = data[place]
        if mark in _CLOSING:
            if len(stack) == most_levels:
                raise DeepError
            stack.append(_Open(mark, place))
        elif not stack:
            raise CutError
        elif mark == _COMMA:
            stack[-1].commas.append(place)
        else:
            closed, end = stack.pop(), place + 1
            if _CLOSING[closed.bracket] != mark:
                raise CutError
            if stack and end - closed.start <= PIECE_BYTES:
                continue
            value = _value(data, closed, end, decode_piece, len(stack) + 1)
            if not stack:
                if end - closed.start != len(data):
                    raise CutError
                return value
            stack[-1].long[len(stack[-1].commas)] = _Long(closed.start, end, value)
    raise CutError


def _marks(data: bytes) -> Iterator[int]:
    """Yield where the commas and brackets are that are not in strings."""
    place = 0
    while place < len(data):
        skipped = _SKIPPED.match(data, place, place + max(PIECE_BYTES, 1))
        place = place if skipped is None else skipped.end()
        mark = data[place : place + 1]
        if mark == b'"':
            place = _end_of_string(data, place + 1)
        elif mark and mark in b"[]{},":
            yield place
            place += 1


def _end_of_string(data: bytes, place: int) -> int:
    """Return where a string ends whose content begins at a place."""
    while (quote := data.find(b'"', place)) >= 0:
        begin = quote
        while data[begin - 1] == _BACKSLASH:
            begin -= 1
        if (quote - begin) % 2 == 0:
            return quote + 1
        place = quote + 1
    raise CutError


def _require_white(data: bytes) -> None:
    if data.strip(_WHITE):
        raise CutError


def _value(data: bytes, closed: _Open, end: int, decode_piece: Decode, level: int) -> object:
    """Return an array or object, all of whose long parts are decoded already."""
    values: list[object] = []
    members: dict[str, object] = {}
    count = 0
    for run in _runs(closed, end):
        count += run.parts
        long = closed.long.get(run.first)
        if long is None:
            piece = decode_piece(closed.enclosed(data[run.start : run.end]), level)
        else:
            _require_white(data[long.end : run.end])
            piece = _around(data[run.start : long.start], closed, long, decode_piece, level)
        if not isinstance(piece, list | dict) or len(piece) != run.parts:
            # White space alone is one part here, and none there.
            if piece or closed.commas or run.parts != 1:
                raise CutError
            return piece
        if isinstance(piece, list):
            values += piece
        else:
            members |= piece
    if closed.bracket == _LIST:
        return values
    if len(members) != count:
        raise DoubleError
    return members


def _around(head: bytes, closed: _Open, long: _Long, decode_piece: Decode, level: int) -> object:
    """Return a long part as a piece of its own, from what stands before it: nothing, or its name."""
    if closed.bracket == _LIST:
        _require_white(head)
        return [long.value]
    named = decode_piece(closed.enclosed(head + b"0"), level)
    return dict.fromkeys(named, long.value) if isinstance(named, dict) else None


def _runs(closed: _Open, end: int) -> Iterator["_Run"]:
    """Yield the parts in runs that are short enough; each long one that is decoded already by itself."""
    first, start, last = 0, closed.start + 1, closed.start
    for number, stop in enumerate(chain(closed.commas, (end - 1,))):
        is_long = number in closed.long
        if number > first and (is_long or stop - start > PIECE_BYTES):
            yield _Run(first, number - first, start, last)
            first, start = number, last + 1
        if is_long:
            yield _Run(number, 1, start, stop)
            first, start = number + 1, stop + 1
        last = stop
    if first <= len(closed.commas):
        yield _Run(first, len(closed.commas) + 1 - first, start, last)


class _Run(NamedTuple):
    """Parts of an array or object that follow each other."""

    first: int
    """The number of the first."""
    parts: int
    start: int
    end: int
