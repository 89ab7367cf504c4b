"""The part of FHIRPath that the data dictionary uses: names, `extension('…')` and `where(…)`."""

import re
from collections.abc import Callable, Iterator
from typing import Any

Step = Callable[[Any], Iterator[Any]]
_CONDITION = r"([\w.]+?)(?:='([^']+)'|\.endsWith\('([^']+)'\))"
_STEP = re.compile(rf"\.?(?:extension\('([^']+)'\)|where\({_CONDITION}\)|(\w+))")


def found(resource: dict[str, Any], path: str) -> list[Any]:
    """Return what a path leads to in a resource; nothing where it is a path of another type."""
    kind, _, rest = path.partition(".")
    if resource["resourceType"] != kind:
        return []
    return _followed([resource], rest)


def _followed(nodes: list[Any], path: str) -> list[Any]:
    for step in _steps(path):
        nodes = [below for node in nodes for below in step(node)]
    return nodes


def _steps(path: str) -> Iterator[Step]:
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ValueError(f"no path that is understood: {path[position:]}")
        position = match.end()
        extension, condition, equal, end, name = match.groups()
        if extension:
            yield _extension(extension)
        elif condition:
            yield _where(condition, equal, end)
        else:
            yield _named(name)


def _named(name: str) -> Step:
    def step(node: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
        below = node.get(name) if isinstance(node, dict) else None
        if below is not None:
            yield from below if isinstance(below, list) else [below]

    return step


def _extension(name: str) -> Step:
    def step(node: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
        extensions = node.get("extension", ()) if isinstance(node, dict) else ()
        return (one for one in extensions if one["url"].rpartition("/")[2] == name)

    return step


def _where(path: str, equal: str | None, end: str | None) -> Step:
    def step(node: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
        values = map(str, _followed([node], path))
        if any(value == equal if end is None else value.endswith(end) for value in values):
            yield node

    return step
