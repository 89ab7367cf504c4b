"""Patterns that select cache entries: globs on keys, with the syntax of Redis."""

import re
from dataclasses import dataclass, replace

from fhirexport_server.cache import keys
from fhirexport_server.cache.entry import Variant
from fhirexport_server.domain.datasets import Detail, Format
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError

LONGEST = 256
MOST_WILDCARDS = 8
EVERYTHING = f"{keys.PREFIX}*"
_PREFIX = "fhir:"
_EXAMPLE = "such as fhir:export:venues:* or fhir:export:*:ej:1"
_TOKEN = re.compile(
    r"\\(?P<literal>.)|(?P<set>\[(?:\\.|[^\]\\])*\])|(?P<any>\*+)|(?P<one>\?)|(?P<other>.)", re.DOTALL
)


@dataclass(frozen=True)
class Pattern:
    """A glob on the keys of heads."""

    text: str
    _regex: re.Pattern[str]
    _ids: frozenset[int] | None = None
    """The EJs whose entries it is limited to; None for all."""

    def matches(self, variant: Variant) -> bool:
        """Return whether it matches an entry: by the key of its variant, or by that of its dataset.

        So `fhir:export:*:ej:1` matches everything of EJ 1, in every layout.
        """
        if self._ids is not None and variant.ej_id not in self._ids:
            return False
        plain = Variant(variant.ej_id, variant.dataset, Format.BUNDLE, Detail.SUMMARY)
        return any(self._regex.fullmatch(keys.head(named)) for named in {variant, plain})

    def within(self, ids: frozenset[int]) -> "Pattern":
        """Return this pattern, limited to the entries of some EJs."""
        return replace(self, _ids=ids if self._ids is None else self._ids & ids)


def parse(text: str, field: str = "pattern") -> Pattern:
    """Parse a pattern.

    Raises:
        InvalidRequestError: The pattern is empty, too long, outside our keys, or has too many wildcards.
    """
    problem = None
    regex, wildcards = _translated(text)
    if not text:
        problem = "must not be empty"
    elif len(text) > LONGEST:
        problem = f"must have at most {LONGEST} characters"
    elif not text.startswith(_PREFIX):
        problem = f"must start with {_PREFIX}"
    elif wildcards > MOST_WILDCARDS:
        problem = f"must have at most {MOST_WILDCARDS} wildcards"
    if problem is not None or regex is None:
        problem = problem or "must close every ["
        raise InvalidRequestError((FieldViolation(field, f"{problem}; write a glob on a key, {_EXAMPLE}"),))
    return Pattern(text, regex)


def _translated(glob: str) -> tuple[re.Pattern[str] | None, int]:
    """Return a glob as a regular expression, None where a set is not closed, and its count of wildcards."""
    parts, wildcards = [], 0
    for token in _TOKEN.finditer(glob):
        match token.lastgroup:
            case "any":
                parts.append(".*")
                wildcards += 1
            case "one":
                parts.append(".")
                wildcards += 1
            case "set":
                parts.append(_set(token["set"][1:-1]))
                wildcards += 1
            case "literal":
                parts.append(re.escape(token["literal"]))
            case _:
                if token["other"] in "[\\":
                    return None, wildcards
                parts.append(re.escape(token["other"]))
    return re.compile("".join(parts), re.DOTALL), wildcards


def _set(inside: str) -> str:
    """Return a set such as `1-3a` or `^1` as a regular expression."""
    negated = inside.startswith("^")
    characters: list[str] = []
    position, text = 0, inside[1:] if negated else inside
    while position < len(text):
        if text[position] == "\\" and position + 1 < len(text):
            position += 1
            characters.append(re.escape(text[position]))
        elif position + 2 < len(text) and text[position + 1] == "-":
            low, high = sorted((text[position], text[position + 2]))
            characters.append(f"{re.escape(low)}-{re.escape(high)}")
            position += 2
        else:
            characters.append(re.escape(text[position]))
        position += 1
    if not characters:
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{''.join(characters)}]"
