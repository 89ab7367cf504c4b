"""What a validator can find right or wrong in a resource: elements, codes, and how texts are written."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

CODE = "code"


class Feature(NamedTuple):
    """Something that stands at a place of a resource."""

    path: str
    kind: str
    value: str


_CODED = frozenset(
    {"code", "gender", "profile", "rank", "resourceType", "status", "system", "type", "unit", "url", "use"}
)
"""Elements whose very value a validator looks up; `value[x]` of a code is one too."""
_MANY = 2
"""Two of a kind are as many as three: it is the second that breaks a cardinality."""
_TIME = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}(T[-0-9:.+Z]+)?")
_SORTS = ("[0-9]", r"[A-Za-z]", r"[^\W\d_a-zA-Z]", r"\s", r"[!-/:-@\[-`{-~]", r"[^\w\s!-~]")
"""Digits, letters, letters of other alphabets, white space, punctuation, and what is none of these."""


def features(resource: Mapping[str, Any]) -> frozenset[Feature]:
    """Return the features of a resource.

    Each object's set of elements, each number of repetitions (none, one, more), each code where it stands,
    and the sorts of characters in each text, or the precision of a time.
    """
    return frozenset(_features(str(resource["resourceType"]), "", resource))


def _features(path: str, name: str, value: object) -> Iterator[Feature]:
    if isinstance(value, Mapping):
        yield Feature(path, "elements", " ".join(sorted(value)))
        where = f"{path}({value['url']})" if name in ("extension", "modifierExtension") else path
        for key, child in value.items():
            yield from _features(f"{where}.{key}", key, child)
    elif isinstance(value, list):
        yield Feature(path, "repetitions", str(min(len(value), _MANY)))
        for child in value:
            yield from _features(path, name, child)
    elif name in _CODED or name == "valueCode" or isinstance(value, bool):
        yield Feature(path, CODE, str(value))
    elif isinstance(value, str):
        yield Feature(path, "written", _written(value))


def _written(text: str) -> str:
    if _TIME.fullmatch(text):
        return re.sub("[0-9]", "9", text)
    return "".join(str(number) for number, sort in enumerate(_SORTS) if re.search(sort, text))
