"""Searches what came out of a program for words that must not be in it, however they are written."""

import base64
import json
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

import zstandard

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_LARGEST: Final = 64 * 1024 * 1024
_DEEPEST: Final = 3
_SHORTEST: Final = 6
"""How many bytes a form has at least: a shorter one would be found by chance."""


def forms(word: str) -> dict[bytes, str]:
    """Return the bytes that a word may be written as, each with the name of how."""
    found: dict[bytes, str] = {}
    for text in {word, word.upper(), word.lower(), word.casefold(), unicodedata.normalize("NFD", word)}:
        for content, how in _written(text):
            if len(content) >= _SHORTEST:
                found.setdefault(content, how)
    return found


def _written(text: str) -> Iterator[tuple[bytes, str]]:
    texts = {
        "UTF-8": text.encode(),
        "UTF-16": text.encode("utf-16-le"),
        "UTF-16, big-endian": text.encode("utf-16-be"),
        "Latin-1": text.encode("latin-1", "replace"),
        "ASCII": text.encode("ascii", "ignore"),
    }
    for how, content in texts.items():
        yield content, how
        yield content.hex().encode(), f"hexadecimal of {how}"
        yield content.hex().upper().encode(), f"hexadecimal of {how}"
        for offset in range(3):
            for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
                yield _middle(encode(bytes(offset) + content), offset, len(content)), f"{name} of {how}"
    escaped = json.dumps(text)[1:-1]
    yield escaped.encode(), "escapes of JSON"
    yield escaped.upper().replace("\\U", "\\u").encode(), "escapes of JSON"
    yield repr(text.encode())[2:-1].encode(), "escapes of Python"
    yield text.encode("unicode_escape"), "escapes of Python"
    yield quote(text, safe="").encode(), "percent signs"
    yield quote(text, safe="").lower().encode(), "percent signs"
    yield quote(text, safe="", encoding="latin-1", errors="replace").encode(), "percent signs of Latin-1"


def _middle(encoded: bytes, offset: int, length: int) -> bytes:
    """Return the characters of base64 that depend on the word alone, not on what is around it."""
    first = -(-offset * 8 // 6)
    last = (offset + length) * 8 // 6
    return encoded[first:last]


class Search:
    """A search for some words, which finds them in compressed parts too."""

    def __init__(self, words: Iterable[str]) -> None:
        self._forms = {form: (word, how) for word in words for form, how in forms(word).items()}

    def find(self, content: bytes) -> list[str]:
        """Return which words there are and how they are written: nothing of what is around them."""
        found = set()
        for part, where in _parts(content, _DEEPEST):
            for form, (word, how) in self._forms.items():
                if form in part:
                    found.add(f"{word} in {how}{where}")
        return sorted(found)


def _parts(content: bytes, depth: int) -> Iterator[tuple[bytes, str]]:
    """Yield the content, and what is compressed in it."""
    yield content, ""
    if depth == 0:
        return
    for magic, name, decompress in ((_GZIP, "gzip", _gunzipped), (_ZSTD, "Zstandard", _unzstd)):
        start = content.find(magic)
        while start >= 0:
            for part, where in _parts(decompress(content[start:]), depth - 1):
                yield part, f", {name}{where}"
            start = content.find(magic, start + 1)


def _gunzipped(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(content, _LARGEST)
    except zlib.error:
        return b""


def _unzstd(content: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    except zstandard.ZstdError:
        return b""
