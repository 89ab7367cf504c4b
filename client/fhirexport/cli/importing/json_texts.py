"""Cuts JSON that comes in pieces into its resources: one after another, indented, or in an array."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

LONGEST: Final = 8 << 20
"""How long a resource may be, in bytes. The server refuses shorter ones; this keeps memory bounded."""
_OUTSIDE: Final = re.compile(rb'["{}\[\]]')
_INSIDE: Final = re.compile(rb'["\\\r\n]')
_BLANK: Final = re.compile(rb"[ \t\r\n]*")
_LINE_ENDS: Final = bytes.maketrans(b"\r\n", b"  ")
_OPENING: Final = b"{["


class NotResourcesError(ValueError):
    """What is wrong with JSON that holds no resources, without a word of it."""


class TooLongError(NotResourcesError):
    """A resource is longer than is read."""


class Texts:
    """The resources of JSON that comes in pieces cut anywhere."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._depth = 0
        self._is_array = False
        self._began = False
        self._in_string = False
        self._is_escaped = False
        self._done = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the resources that end in a piece, each as one line.

        Raises:
            NotResourcesError: it holds something else.
        """
        place = 0
        while place < len(piece):
            if not self._depth:
                place = self._between(piece, place)
                continue
            start, place = place, self._within(piece, place)
            self._text += piece[start:place]
            if len(self._text) > LONGEST:
                raise TooLongError(f"holds a resource of more than {LONGEST >> 20} MiB")
            if not self._depth:
                yield bytes(self._text).translate(_LINE_ENDS) + b"\n"
                self._text.clear()
        self._done += len(piece)

    def end(self) -> None:
        """Say that there is no more.

        Raises:
            NotResourcesError: it ends in the middle.
        """
        if self._depth or self._is_array:
            raise NotResourcesError("ends in the middle of a resource or an array: a part of it is missing")

    def _between(self, piece: bytes, place: int) -> int:
        """Go on between resources, up to the next."""
        blank = _BLANK.match(piece, place)
        place = place if blank is None else blank.end()
        sign = piece[place : place + 1]
        if sign == b"{":
            self._began = True
            self._depth = 1
            self._text += sign
        elif sign == b"[" and not self._began:
            self._began = self._is_array = True
        elif sign == b"]" and self._is_array:
            self._is_array = False
        elif sign and not (sign == b"," and self._is_array):
            raise NotResourcesError(
                f"holds something else than JSON objects, from byte {self._done + place + 1}"
            )
        return place + 1

    def _within(self, piece: bytes, place: int) -> int:
        """Go on in a resource, to its end at most."""
        while place < len(piece) and self._depth:
            if self._is_escaped:
                self._is_escaped = False
                place += 1
                continue
            match = (_INSIDE if self._in_string else _OUTSIDE).search(piece, place)
            if match is None:
                return len(piece)
            sign, place = match[0], match.end()
            if self._in_string:
                if sign in b"\r\n":
                    raise NotResourcesError(
                        f"is no JSON: a line ends in a string, at byte {self._done + place}"
                    )
                self._is_escaped = sign == b"\\"
                self._in_string = sign == b"\\"
            elif sign == b'"':
                self._in_string = True
            else:
                self._depth += 1 if sign in _OPENING else -1
        return place


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the resources of pieces, each as one line.

    Raises:
        NotResourcesError: they hold something else, or end in the middle.
    """
    texts = Texts()
    for piece in pieces:
        yield from texts.feed(piece)
    texts.end()
