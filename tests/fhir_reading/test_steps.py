"""Shows that long JSON is decoded in short steps, and as it would be at once."""

import json

import pytest
from fhirexport_server.fhir.reading.json import steps, strict_json
from fhirexport_server.fhir.reading.json.strict_json import MOST_LEVELS, MalformedJsonError, decode
from hypothesis import given
from hypothesis import strategies as st

LONG = 100_000

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=6), inner, max_size=6),
)
MARKS = (
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    '"',
    "\\",
    '"a":',
    "1",
    " ",
    "\n",
    '"\\""',
    "null",
    '""',
    "[1]",
    '{"a":1}',
)


def _outcome(data: bytes) -> object:
    """Returns what a text is decoded to, or why it is not."""
    try:
        return decode(data)
    except MalformedJsonError as error:
        return error.rule


def _outcomes(data: bytes, piece: int) -> tuple[object, object]:
    """Returns what comes of a text at once, and of the same text in steps."""
    with pytest.MonkeyPatch.context() as patch:
        at_once = _outcome(data)
        patch.setattr(steps, "PIECE_BYTES", piece)
        return at_once, _outcome(data)


@given(VALUES, st.sampled_from([None, 1]), st.booleans(), st.integers(0, 40))
def test_any_value_is_decoded_in_steps_as_at_once(
    value: object, indent: int | None, escaped: object, piece: int
) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=bool(escaped)).encode("utf-8", "surrogatepass")
    at_once, in_steps = _outcomes(data, piece)
    assert in_steps == at_once


@given(st.lists(st.sampled_from(MARKS), max_size=14).map("".join), st.integers(0, 6))
def test_anything_is_refused_in_steps_as_at_once(text: str, piece: int) -> None:
    at_once, in_steps = _outcomes(text.encode(), piece)
    assert in_steps == at_once


@pytest.mark.parametrize("piece", range(12))
@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"a":[1,2,3],"b":1,"a":[4,5,6]}',
        b'{"a":1,"\\u0061":[1,2,3]}',
        b'[{"a":[1]},{"b":1,"c":2,"b":3}]',
        b'{"a":[1,2,3]"b":1}',
        b'{"a":[1,2,3] [1,2,3]}',
        b'{"a":"b":[1,2,3]}',
        b"{[1,2,3]}",
        b'["a":[1,2,3]]',
        b"[[1,2,3]1]",
        b"[1[1,2,3]]",
        b"[1,2,]",
        b"[,1,2]",
        b"[1,,2]",
        b"[,]",
        b"{,}",
        b"[1,2}",
        b"[1,2]]",
        b"[1,2] 3",
        b"  [1, 2]  ",
        b" " * 20 + b"[1]",
        b"3 [1,2]",
        b"[1,2",
        b'["a\\"]',
        b'["\\\\",2]',
        b'["a\\\\\\",2]"]',
        b"[ ]",
        b"{ }",
        b"[[],[ ],{},[1]]",
        b'["\xff",2]',
        b'["\\ud800",2]',
        b"[1e400,2]",
        b'["\\u0000",2]',
    ],
)
def test_what_is_wrong_where_it_is_cut_is_found(data: bytes, piece: int) -> None:
    at_once, in_steps = _outcomes(data, piece)
    assert in_steps == at_once


@pytest.mark.parametrize("levels", [MOST_LEVELS, MOST_LEVELS + 1])
@pytest.mark.parametrize("piece", [0, 20, 100])
def test_levels_are_counted_in_steps_too(levels: int, piece: int) -> None:
    at_once, in_steps = _outcomes(b"[" * levels + b"]" * levels, piece)
    assert in_steps == at_once
    assert isinstance(at_once, list) is (levels == MOST_LEVELS)


@pytest.mark.parametrize(
    "data",
    [
        b'{"entry":[' + b'{"a":1},' * LONG + b"{}]}",
        b'[{"a":[' + b'{"a":1},' * LONG + b"{}]}]",
        b"{" + b",".join(b'"%d":1' % number for number in range(LONG)) + b"}",
        b"[" * 60 + b"1," * LONG + b"1" + b"]" * 60,
    ],
    ids=["entries", "in one entry", "properties", "deep"],
)
def test_no_step_is_long(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    piece = strict_json._piece  # noqa: SLF001 - what is called for each step

    def sized(data: bytes, level: int) -> object:
        sizes.append(len(data))
        return piece(data, level)

    monkeypatch.setattr(strict_json, "_piece", sized)
    assert decode(data) == json.loads(data)
    assert max(sizes) <= steps.PIECE_BYTES + 2
