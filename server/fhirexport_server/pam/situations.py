"""The situation that each movement of a venue begins, and when it ends.

A situation lasts until the next movement that takes effect. An announcement (A05, A14, A15, A16) takes no
effect: the situation before it continues, and the announcement itself is planned until the next movement.
A movement dated after the discharge that ended the stay is finished too.

Source: IHE PAM National Extension France 2.11.1, 5.3 ("the next movement ends it").
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.pam.events import ANNOUNCEMENTS, DISCHARGE, LEAVE, says_where
from fhirexport_server.pam.fold import last_discharge, movement_class, venue_class
from fhirexport_server.pam.held_class import HeldClass


class Situation(NamedTuple):
    """The situation that a movement begins. Instants are epoch seconds."""

    movement: MovementRow
    status: str
    """FHIR's status: planned, in-progress, onleave or finished."""
    class_code: str
    """FHIR's code (v3-ActCode)."""
    end: int | None


def situations(venue: VenueRow, movements: Sequence[MovementRow]) -> Iterator[Situation]:
    """Yield the situation of each movement, in their order.

    Args:
        venue: The venue.
        movements: Its active movements, in their order (`pam/movement_order.py`).

    Raises:
        RowNotRenderableError: A patient class is unknown.
    """
    on_leave = False
    held = HeldClass(venue_class(venue))
    for movement, end in zip(movements, _ends(movements), strict=True):
        trigger = movement.trigger_event
        own_class = movement_class(movement, held.code)
        held.take(trigger, own_class)
        if says_where(trigger):
            on_leave = trigger == LEAVE
        if trigger in ANNOUNCEMENTS or not held.present:
            status = "planned"
        elif end is not None:
            status = "finished"
        else:
            status = "onleave" if on_leave else "in-progress"
        yield Situation(movement, status, own_class, end)


def _ends(movements: Sequence[MovementRow]) -> list[int | None]:
    last = last_discharge(movements)
    ends: list[int | None] = []
    following: int | None = None
    for index in range(len(movements) - 1, -1, -1):
        at, trigger = movements[index].started_at, movements[index].trigger_event
        if trigger in ANNOUNCEMENTS:
            ends.append(following)
        elif trigger == DISCHARGE or (following is None and last is not None and index > last):
            ends.append(at)
            following = at
        else:
            ends.append(following)
            following = at
    ends.reverse()
    return ends
