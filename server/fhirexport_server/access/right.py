"""Rights as a policy writes them, such as `export:patients:ej:010780054`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fhirexport_server.domain.datasets import Dataset


class Action(StrEnum):
    """The kind of what is done. Its value is how a right begins, and a label of metrics."""

    EXPORT = "export"
    WATCH = "watch"
    IMPORT = "import"
    CACHE_READ = "cache:read"
    CACHE_ADMIN = "cache:admin"


EjName = str | int | None
"""The EJ of a right: its FINESS number as text, its id as a number; None for every EJ."""

Kind = tuple[Action, Dataset | None]
"""An action on a dataset; on none, where it is no dataset that is acted on."""

LARGEST_ID: Final = 2**63 - 1
_EXPORTS: Final = (Action.EXPORT, Action.WATCH)
_EVERY: Final = "*"
_EJ: Final = re.compile(r"ej:(?:id:(?P<id>[1-9][0-9]{0,18})|(?P<finess>[0-9A-Z]{9}))", re.ASCII)
_ACTION: Final = re.compile(r"(?P<action>export|watch|import|cache:read|cache:admin)(?::(?P<rest>.*))?")
_HOW: Final = "write ej:010780054 for a FINESS number, ej:id:1 for an id, * for every legal entity"
_NEXT: Final = {
    Action.EXPORT: "export:patients:ej:010780054 or export:*:*",
    Action.WATCH: "watch:patients:ej:010780054 or watch:*:*",
    Action.IMPORT: "import:ej:010780054 or import:*",
    Action.CACHE_READ: "cache:read or cache:read:ej:010780054",
    Action.CACHE_ADMIN: "cache:admin or cache:admin:ej:010780054",
}
"""Examples of each action's rights."""
_INCLUDED: Final[Mapping[Action, tuple[Action, ...]]] = {
    Action.EXPORT: (Action.EXPORT, Action.WATCH),
    Action.CACHE_ADMIN: (Action.CACHE_ADMIN, Action.CACHE_READ),
}
"""What an action's right is enough for, where that is more than the action."""


class RightError(ValueError):
    """A text is no right. The message says what to write."""


@dataclass(frozen=True)
class Right:
    """A right, parsed. It grants what its text says and what that includes, and nothing else."""

    text: str
    action: Action
    datasets: tuple[Dataset | None, ...]
    """Its datasets; None alone where the action has none."""
    ej: EjName

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it is enough for: who may export may watch, who looks after the cache may read it."""
        return tuple(
            (action, dataset)
            for action in _INCLUDED.get(self.action, (self.action,))
            for dataset in self.datasets
        )


def parse(text: str) -> Right:
    """Parse a right.

    Raises:
        RightError: It is none.
    """
    match = _ACTION.fullmatch(text)
    if match is None:
        raise RightError("must begin with export:, watch:, import:, cache:read or cache:admin")
    action, rest = Action(match["action"]), match["rest"]
    if action in _EXPORTS:
        name, _, place = (rest or "").partition(":")
        return Right(text, action, _datasets(name, action), _ej(place, action))
    if action is Action.IMPORT or rest is not None:
        return Right(text, action, (None,), _ej(rest or "", action))
    return Right(text, action, (None,), None)


def _datasets(name: str, action: Action) -> tuple[Dataset, ...]:
    if name == _EVERY:
        return tuple(Dataset)
    if name not in set(Dataset):
        names = ", ".join(Dataset)
        raise RightError(f"must name a dataset ({names}) or *, as {_NEXT[action]} does")
    return (Dataset(name),)


def _ej(place: str, action: Action) -> EjName:
    if place == _EVERY and action not in {Action.CACHE_READ, Action.CACHE_ADMIN}:
        return None
    match = _EJ.fullmatch(place)
    if match is None or (match["id"] is not None and int(match["id"]) > LARGEST_ID):
        # A FINESS number that has lost its leading zero looks like an id, so that ids are marked.
        raise RightError(f"must name a legal entity, as {_NEXT[action]} does: {_HOW}")
    return match["finess"] or int(match["id"])
