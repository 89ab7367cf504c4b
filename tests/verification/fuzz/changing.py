"""JSON with something in it changed."""

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

_DEEP: Final = 100
_ODD: Final[tuple[Any, ...]] = (
    *("", " ", "x" * 3000, "a\nb", "\0", "\ud800", "é", "official", "true", "urn:oid:1.2", "Patient/1", "#x"),
    *("2026-02-30", "2026-02", "9999-12-31T23:59:59-14:00", "0001-01-01", "2026-01-10T25:00:00Z", "A03"),
    *(None, True, False, 0, -1, 21, 2**63, 2**64, 10**400, 1e308, 0.1, [], {}, [[]], [{}], [None], {"x": {}}),
)


def changed(value: Any, random: Random) -> Any:  # noqa: ANN401 - JSON may be anything
    """Return JSON of which one to three values are replaced, left out, doubled, moved or nested."""
    made = deepcopy(value)
    for _ in range(random.randint(1, 3)):
        places = list(_places(made))
        if not places:
            return _odd(random)
        inside, name = random.choice(places)
        match random.randrange(6):
            case 0:
                del inside[name]
            case 1 if isinstance(inside, list):
                inside.append(deepcopy(inside[name]))
            case 2 if isinstance(inside, dict):
                inside[random.choice([*inside, "x", "extension", "_birthDate"])] = _odd(random)
            case 3:
                other, there = random.choice(places)
                inside[name] = deepcopy(other[there]) if _holds(other, there) else None
            case 4 if random.random() < 1 / 10:
                inside[name] = _nested(random.choice(("[", '{"a":')))
            case _:
                inside[name] = _odd(random)
    return made


def _odd(random: Random) -> Any:  # noqa: ANN401 - the same
    return deepcopy(random.choice(_ODD))


def written(value: Any) -> bytes:  # noqa: ANN401 - the same
    """Return JSON as bytes; what UTF-8 does not have is in it all the same."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _holds(inside: Any, name: Any) -> bool:  # noqa: ANN401 - the same
    return name in inside if isinstance(inside, dict) else name < len(inside)


def _nested(opening: str) -> Any:  # noqa: ANN401 - the same
    made: Any = 1
    for _ in range(_DEEP):
        made = [made] if opening == "[" else {"a": made}
    return made


def _places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - the same
    if not isinstance(value, dict | list):
        return
    for name, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, name
        yield from _places(inner)
