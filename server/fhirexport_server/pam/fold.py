"""Folds a venue's active movements into its stay: status, class, places and their histories.

The movements are folded in the order of `pam/movement_order.py`. A cancelled movement is not among them,
so it has no effect.

  - A05, A14, A15 and A16 announce something. Before the patient arrives they make the venue planned;
    later they only change the expected place (A14, A15).
  - A54 names the attending doctor. Before the patient arrives, the venue stays planned.
  - Every other event says where the patient is: present (A01, A02, A04, A06, A07, A22), on leave (A21),
    gone (A03). The first of them starts the stay.
  - The last A03 ends the stay. An earlier A03 is superseded and changes nothing. Movements dated after
    the last A03 do not reopen the venue (only cancelling the A03 does): they show as movements, not in
    the venue.
  - A value that held for no time leaves no span; only a stay of no time keeps its place.
  - A02, A06 and A07 whose nature has neither H nor L change the responsible unit, not the place.
  - A leave that names the place just left keeps it reserved; the return (A22) goes back to that place
    unless it names another.

Sources: IHE PAM National Extension France 2.11.1 (events, ZBE-9), FHIR R4 Encounter.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain.codes import PATIENT_CLASS
from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.pam.events import DISCHARGE
from fhirexport_server.pam.track import Span, Track


class Stay(NamedTuple):
    """The stay of a venue. Instants are epoch seconds; units and places are database ids."""

    status: str
    """FHIR's status: planned, in-progress, onleave, finished or cancelled."""
    class_code: str
    """FHIR's code (v3-ActCode), as every class here."""
    activity_type: str | None
    start: int | None
    """When the patient came, or is expected; None if neither is known."""
    end: int | None
    status_history: Sequence[Span[str]]
    """The statuses before the present one, without gaps."""
    class_history: Sequence[Span[str]]
    """The earlier classes since the patient came; empty if there was only one."""
    places: Sequence[Span[int]]
    """The places of the patient; the present one is last and has no end."""
    reserved: Span[int] | None
    """The place that is reserved during the present leave."""
    expected: int | None
    """The place that an announcement names, until the patient moves."""
    responsible: int | None
    """The last known unit with the medical responsibility."""
    attending: tuple[str | None, str | None] | None
    """The RPPS number and name of the last known attending doctor."""


def fold(venue: VenueRow, movements: Sequence[MovementRow]) -> Stay:
    """Return the stay that a venue's movements amount to.

    Args:
        venue: The venue.
        movements: Its active movements, in their order (`pam/movement_order.py`).

    Raises:
        RowNotRenderableError: An event or a patient class is unknown.
    """
    folding = _Folding(venue)
    last = last_discharge(movements)
    for index, movement in enumerate(movements):
        trigger = movement.trigger_event
        event = _EVENTS.get(trigger)
        if event is None:
            raise RowNotRenderableError("movement", movement.id, "trigger_event holds no known event")
        if last is None or index == last or (index < last and trigger != DISCHARGE):
            event(folding, movement)
    return folding.stay()


def last_discharge(movements: Sequence[MovementRow]) -> int | None:
    """Return the index of the movement that ends the stay; None if it has not ended."""
    for index in range(len(movements) - 1, -1, -1):
        if movements[index].trigger_event == DISCHARGE:
            return index
    return None


def venue_class(venue: VenueRow) -> str:
    """Return the class of a venue before any movement."""
    class_code = PATIENT_CLASS.get(venue.patient_class)
    if class_code is None:
        raise RowNotRenderableError("venue", venue.id, "patient_class holds no known class")
    return class_code


def movement_class(movement: MovementRow, before: str) -> str:
    """Return the class from a movement on."""
    if movement.patient_class is None:
        return before
    class_code = PATIENT_CLASS.get(movement.patient_class)
    if class_code is None:
        raise RowNotRenderableError("movement", movement.id, "patient_class holds no known class")
    return class_code


class _Folding:
    """The state of a venue between two movements. Each event has a method."""

    __slots__ = (
        "activity_type",
        "attending",
        "class_code",
        "classes",
        "end",
        "expected",
        "kept",
        "place",
        "places",
        "responsible",
        "start",
        "statuses",
        "venue",
    )

    def __init__(self, venue: VenueRow) -> None:
        self.venue = venue
        self.class_code = venue_class(venue)
        self.activity_type = venue.activity_type
        self.statuses: Track[str] = Track()
        self.classes: Track[str] = Track()
        self.places: Track[int] = Track()
        self.start: int | None = None
        self.end: int | None = None
        # The place of the patient, or the one before the leave.
        self.place: int | None = None
        self.kept = False
        self.expected: int | None = None
        self.responsible: int | None = None
        self.attending: tuple[str | None, str | None] | None = None

    def announcement(self, movement: MovementRow) -> None:
        trigger = movement.trigger_event
        if self.start is None:
            self.statuses.change("planned", movement.started_at)
            self._take(movement)
        if trigger in ("A14", "A15") or (trigger == "A05" and self.start is None):
            self.expected = _place(movement) or self.expected

    def attending_change(self, movement: MovementRow) -> None:
        self._take(movement)
        if self.start is None:
            self.statuses.change("planned", movement.started_at)
        else:
            self.classes.change(self.class_code, movement.started_at)

    def arrival(self, movement: MovementRow) -> None:
        self._present("in-progress", movement)
        self._occupy(_place(movement), movement)

    def transfer(self, movement: MovementRow) -> None:
        nature = movement.nature
        first = self.start is None
        self._present("in-progress", movement)
        if first or nature is None or "H" in nature or "L" in nature:
            self._occupy(_place(movement), movement)
        else:
            self.places.change(self.place, movement.started_at)

    def leave(self, movement: MovementRow) -> None:
        named = _place(movement)
        if self.start is None:
            self.place = named
        self._present("onleave", movement)
        self.kept = named is not None and named == self.place
        self.places.change(None, movement.started_at)

    def comeback(self, movement: MovementRow) -> None:
        self._present("in-progress", movement)
        self.place = _place(movement) or self.place
        self.places.change(self.place, movement.started_at)

    def discharge(self, movement: MovementRow) -> None:
        at = movement.started_at
        if self.start is None:
            self.place = _place(movement)
        self._present("finished", movement)
        self.classes.change(None, at)
        self.places.change(None, at)
        self.expected = None
        self.end = at
        if self.start == at and self.place is not None:
            self.places.past.append(Span(self.place, at, at))

    def stay(self) -> Stay:
        statuses, places = self.statuses, self.places.past
        status = statuses.value or "cancelled"
        if self.places.value is not None:
            places.append(Span(self.places.value, self.places.since, None))
        classes = self.classes.past
        if len(classes) == 1 and classes[0].value == self.class_code:
            classes = []
        reserved = None
        if status == "onleave" and self.kept and self.place is not None:
            reserved = Span(self.place, statuses.since, None)
        return Stay(
            status,
            self.class_code,
            self.activity_type,
            self.venue.expected_admit_at if self.start is None else self.start,
            self.end,
            statuses.past,
            classes,
            places,
            reserved,
            None if self.expected == self.place else self.expected,
            self.responsible,
            self.attending,
        )

    def _take(self, movement: MovementRow) -> None:
        self.class_code = movement_class(movement, self.class_code)
        if movement.activity_type is not None:
            self.activity_type = movement.activity_type
        if movement.uf_med_id is not None:
            self.responsible = movement.uf_med_id
        if movement.attending_rpps is not None or movement.attending_name is not None:
            self.attending = (movement.attending_rpps, movement.attending_name)

    def _present(self, status: str, movement: MovementRow) -> None:
        at = movement.started_at
        if self.start is None:
            self.start = at
        self._take(movement)
        self.statuses.change(status, at)
        self.classes.change(self.class_code, at)

    def _occupy(self, place: int | None, movement: MovementRow) -> None:
        self.place = place
        self.expected = None
        self.places.change(place, movement.started_at)


def _place(movement: MovementRow) -> int | None:
    """Return the most precise place that a movement names."""
    return movement.bed_id or movement.room_id or movement.uh_id


_EVENTS: Final[Mapping[str, Callable[[_Folding, MovementRow], None]]] = {
    "A01": _Folding.arrival,
    "A02": _Folding.transfer,
    "A03": _Folding.discharge,
    "A04": _Folding.arrival,
    "A05": _Folding.announcement,
    "A06": _Folding.transfer,
    "A07": _Folding.transfer,
    "A14": _Folding.announcement,
    "A15": _Folding.announcement,
    "A16": _Folding.announcement,
    "A21": _Folding.leave,
    "A22": _Folding.comeback,
    "A54": _Folding.attending_change,
}
