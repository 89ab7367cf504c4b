"""Shows that JSON is decoded strictly, and that its errors say nothing of what it held."""

import pytest
from fhirexport_server.fhir.reading.json.strict_json import MOST_LEVELS, MalformedJsonError, decode


def _nested(levels: int) -> bytes:
    return b'{"a":[' * (levels // 2) + b"1" + b"]}" * (levels // 2)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b' {"a" : [1, -2.5, true, null, "\\u00e9\\ud83d\\ude00"]}\n', {"a": [1, -2.5, True, None, "é😀"]}),
        (b'{"a":": b","c\\":":"\\":"}', {"a": ": b", 'c":': '":'}),
        (b'["\\\\u0000"]', ["\\u0000"]),
        (b'{"a":{"a":{"a":1}}}', {"a": {"a": {"a": 1}}}),
    ],
)
def test_json_is_decoded(data: bytes, value: object) -> None:
    assert decode(data) == value


def test_as_many_levels_as_there_may_be_are_decoded() -> None:
    assert isinstance(decode(_nested(MOST_LEVELS)), dict)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        *(
            (data, "JSON")
            for data in (b"", b"zq7", b'{"zq7":1', b'{"zq7":1}}', b"[1,]", b"'zq7'", b"NaN", b"01")
        ),
        *((data, "JSON") for data in (b'["zq7\xff"]', b'["zq7\xed\xa0\x80"]', b'["\x00"]')),
        *((data, "surrogate") for data in (b'["zq7\\ud800"]', b'["\\udc00zq7"]', b'{"\\ud800\\ud800zq7":1}')),
        *((data, "deep") for data in (_nested(MOST_LEVELS + 2), b"[" * 100_000 + b"]" * 100_000)),
        *((data, "twice") for data in (b'{"zq7":1,"zq7":1}', b'[{"a":{"zq7" :1,"b":":","zq7": 2}}]')),
        *((data, "NUL") for data in (b'["zq7\\u0000"]', b'{"a":{"zq7\\u0000":1}}')),
        *((data, "double") for data in (b"1e400", b"[-1e999]", b"9" * 5000)),
    ],
)
def test_anything_else_is_malformed(data: bytes, word: str) -> None:
    with pytest.raises(MalformedJsonError) as raised:
        decode(data)
    assert word in raised.value.rule
    assert "zq7" not in raised.value.rule
    assert raised.value.__cause__ is None
