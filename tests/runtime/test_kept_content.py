"""Shows when a content that is read again counts."""

from collections.abc import Callable

import pytest
from fhirexport_server.runtime.reading.kept_content import KeptContent


class _WrongError(Exception):
    """A content cannot be used."""


def _number(found: str) -> int:
    if not found.isdecimal():
        raise _WrongError(found)
    return int(found)


def _offered(kept: KeptContent[str, int], found: str) -> bool | str:
    try:
        return kept.offer(found)
    except _WrongError:
        return "refused"


def _kept(parse: Callable[[str], int] = _number, *, is_settled_only: bool = False) -> KeptContent[str, int]:
    return KeptContent("1", parse, _WrongError, is_settled_only=is_settled_only)


def test_the_first_has_to_be_good() -> None:
    with pytest.raises(_WrongError):
        KeptContent("half", _number, _WrongError)


@pytest.mark.parametrize(
    ("is_settled_only", "offers"),
    [
        (False, [("1", False, 1), ("2", True, 2), ("2", False, 2)]),
        (True, [("1", False, 1), ("2", False, 1), ("2", True, 2), ("2", False, 2)]),
        (True, [("1", False, 1), ("2", False, 1), ("23", False, 1), ("23", True, 23)]),
    ],
)
def test_a_good_one_is_taken_once(is_settled_only: bool, offers: list[tuple[str, bool, int]]) -> None:  # noqa: FBT001 - a parameter of the table
    kept = _kept(is_settled_only=is_settled_only)
    assert [(found, _offered(kept, found), kept.current) for found, _, _ in offers] == offers


@pytest.mark.parametrize("is_settled_only", [False, True])
def test_a_bad_one_is_refused_once_it_is_there_twice_and_told_once(is_settled_only: bool) -> None:  # noqa: FBT001 - the same
    kept = _kept(is_settled_only=is_settled_only)
    told = [(_offered(kept, found), kept.refusing) for found in ("x", "y", "y", "y", "1", "y", "y")]
    assert told == [
        (False, False),
        (False, False),
        ("refused", True),
        (False, True),
        (False, False),
        (False, False),
        ("refused", True),
    ]
    assert kept.current == 1


def test_a_bad_one_that_becomes_good_by_itself_is_taken() -> None:
    is_valid = False

    def parse(found: str) -> int:
        if found == "2" and not is_valid:
            raise _WrongError
        return int(found)

    kept = _kept(parse)
    assert [_offered(kept, "2") for _ in range(3)] == [False, "refused", False]
    is_valid = True
    assert _offered(kept, "2") is True
    assert (kept.current, kept.refusing) == (2, False)
