"""The options that a URL may carry behind its `?`: which ones there are, and what each may say."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple


class Option(NamedTuple):
    """What an option may say."""

    accepts: Callable[[str], object]
    """Whether a value will do."""
    text: str
    """The same for a person: what it must be."""


def matching(pattern: str, text: str) -> Option:
    """Return the option whose value matches a regular expression, all of it."""
    return Option(re.compile(pattern, re.ASCII).fullmatch, text)


def number(least: int, most: int) -> Option:
    """Return the option that is a whole number between two, both included."""

    def accepts(value: str) -> bool:
        return re.fullmatch(r"[0-9]{1,9}", value) is not None and least <= int(value) <= most

    return Option(accepts, f"a whole number from {least} to {most}")


def one_of(*values: str) -> Option:
    """Return the option that is one of some words."""
    return Option(frozenset(values).__contains__, " or ".join(values))


TEXT = Option(lambda value: value and value.isprintable(), "some text")
FLAG = one_of("true", "false")


def refusal(
    pairs: Iterable[tuple[str, str]], accepted: Mapping[str, Option], known: Iterable[str], takes: str
) -> str | None:
    """Return what is wrong with the options of a URL, None where nothing is. No value is quoted.

    Args:
      pairs: The options, by name, decoded.
      accepted: What each may say.
      known: Others that the driver has. Only a name that is of these, or near to an accepted one, is quoted:
        any other one may be a part of a password that was not encoded.
      takes: Where a person finds those that are accepted.
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
