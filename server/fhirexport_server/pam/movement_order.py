"""The order of a venue's movements: by instant, and within one instant by event.

Positions in a file, database ids and the order of arrival do not count. Movements of one instant are in the
order in which such events happen: pre-admission, pending admission, return of a patient on leave, arrival,
change of class, transfer, change of the attending doctor, announcements during the stay, leave, the return
from a leave of the same instant, discharge. Equal events are ordered by movement number: the shorter one
first, then by code point.

Source: IHE PAM National Extension France 2.11.1, 5.3 (the preconditions of each event).
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from fhirexport_server.domain.rows import MovementRow

_LEAVE: Final = "A21"
_RETURN: Final = "A22"
_ORDER: Final = "A05 A14 A01 A04 A06 A07 A02 A54 A15 A16 A21 A22 A03".split()
# Both arrivals have the same rank, and so have both changes of class: the numbers decide their order.
_RANK: Final = {event: index for index, event in enumerate(_ORDER)} | {
    "A04": _ORDER.index("A01"),
    "A07": _ORDER.index("A06"),
}
_UNKNOWN_RANK: Final = len(_ORDER)
_BEFORE_ARRIVALS: Final = _ORDER.index("A14")
_PRESENCE: Final = frozenset("A01 A02 A03 A04 A06 A07 A21 A22".split())


def in_order(movements: Sequence[MovementRow]) -> Sequence[MovementRow]:
    """Return the movements of one venue in their order.

    Args:
        movements: The active movements, by `started_at`; rows of one instant may be in any order.
    """
    before = None
    for movement in movements:
        if movement.started_at == before:
            return _sorted(movements)
        before = movement.started_at
    return movements


def sort(movements: Iterable[MovementRow]) -> Sequence[MovementRow]:
    """Return the movements of one venue in their order, from any order."""
    return in_order(sorted(movements, key=_start))


def _sorted(movements: Sequence[MovementRow]) -> Sequence[MovementRow]:
    ordered: list[MovementRow] = []
    on_leave = False
    for _, group in groupby(movements, _start):
        rows = sorted(group, key=_number)
        rows.sort(key=lambda row: _rank(row, on_leave=on_leave))
        ordered += rows
        presence = [row.trigger_event for row in rows if row.trigger_event in _PRESENCE]
        if presence:
            on_leave = presence[-1] == _LEAVE
    return ordered


def _start(movement: MovementRow) -> int:
    return movement.started_at


def _number(movement: MovementRow) -> tuple[int, str]:
    return len(movement.movement_no), movement.movement_no


def _rank(movement: MovementRow, *, on_leave: bool) -> float:
    """Return the rank of a movement; a return from leave comes before all that presupposes presence."""
    event = movement.trigger_event
    if event == _RETURN and on_leave:
        return _BEFORE_ARRIVALS + 0.5
    return _RANK.get(event, _UNKNOWN_RANK)
