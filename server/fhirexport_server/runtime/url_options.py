"""Options in the query of a URL: their names, and the values that they accept."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple


class Option(NamedTuple):
    """The values of an option."""

    accepts: Callable[[str], object]
    """Returns something true for a value that is accepted."""
    text: str
    """What a value must be, for people."""


def matching(pattern: str, text: str) -> Option:
    """Return an option whose whole value matches a regular expression."""
    return Option(re.compile(pattern, re.ASCII).fullmatch, text)


def number(least: int, most: int) -> Option:
    """Return an option that is a whole number in a range, ends included."""

    def accepts(value: str) -> bool:
        return re.fullmatch(r"[0-9]{1,9}", value) is not None and least <= int(value) <= most

    return Option(accepts, f"a whole number from {least} to {most}")


def one_of(*values: str) -> Option:
    """Return an option that is one of some words."""
    return Option(frozenset(values).__contains__, " or ".join(values))


TEXT = Option(lambda value: value and value.isprintable(), "some text")
FLAG = one_of("true", "false")


def refusal(
    pairs: Iterable[tuple[str, str]], accepted: Mapping[str, Option], known: Iterable[str], takes: str
) -> str | None:
    """Return what is wrong with the options of a URL; None if nothing is. It never quotes a value.

    Args:
        pairs: The names and values of the options, decoded.
        accepted: The accepted options, by name.
        known: Names of other options that the driver has. An unknown name is quoted only if it is one of
            these, or close to an accepted one: any other may be part of a password that was not encoded.
        takes: Where people find the accepted options.
    """
    for name, value in pairs:
        option = accepted.get(name)
        if option is None:
            quoted = name in {*known} or get_close_matches(name, accepted, cutoff=0.7)
            return (
                f"must not have the option {name}: {takes}" if quoted else f"has an unknown option: {takes}"
            )
        if not option.accepts(value):
            return f"has an option {name} that must be {option.text}"
    return None
