"""Shows that the search for canaries finds them however they are written, and nothing else."""

import base64
import gzip
import json
import random
from urllib.parse import quote

import pytest
import zstandard
from verification.canaries.searching import Search, forms

WORD = "Canariçœur-Żółw"
SEARCH = Search([WORD, "187057500604885"])
WAYS = {
    "as it is": WORD.encode(),
    "upper case": WORD.upper().encode(),
    "lower case": WORD.lower().encode(),
    "UTF-16": WORD.encode("utf-16"),
    "Latin-1": "Canariçur".encode("latin-1"),
    "JSON": json.dumps({"family": WORD}).encode(),
    "a form": f"name={quote(WORD)}".encode(),
    "Python": repr(WORD.encode()).encode(),
    "hexadecimal": b"0x" + WORD.encode().hex().encode(),
    "gzip": b"xx" + gzip.compress(WORD.encode()),
    "Zstandard": b"xx" + zstandard.compress(WORD.encode()),
    "both": zstandard.compress(b"a" + gzip.compress(json.dumps(WORD).encode())),
    "a number": b"INS:187057500604885.",
    "a number in base64": base64.b64encode(b"INS:187057500604885."),
}


@pytest.mark.parametrize("content", WAYS.values(), ids=WAYS)
def test_a_word_is_found_however_it_is_written(content: bytes) -> None:
    search = Search(["Canariçur"]) if b"ur" in content and b"\xe7ur" in content else SEARCH
    assert search.find(b"before " + content + b" after") != []


@pytest.mark.parametrize("before", range(6))
def test_a_word_is_found_in_base64_wherever_it_begins(before: int) -> None:
    content = b"x" * before + WORD.encode() + b"yyyy"
    assert SEARCH.find(base64.b64encode(content)) != []
    assert SEARCH.find(base64.urlsafe_b64encode(content)) != []


def test_nothing_is_found_in_what_has_none() -> None:
    noise = random.Random(1).randbytes(200_000)
    others = (noise, base64.b64encode(noise), noise.hex().encode(), gzip.compress(noise), b"")
    assert [SEARCH.find(content) for content in others] == [[]] * len(others)
    assert min(map(len, forms(WORD))) >= 6
