"""Derives movements from a stay: the inverse of `fold`.

A stay that comes only as a summary (status, class, places and their histories) is stored as movements that
fold to the same stay, one event at each instant at which something changes:

  - A05 while the stay is planned, and where its history says that it was;
  - A01 at the start, or A04 if the first class is not inpatient;
  - A06 or A07 where the class changes, A02 where the place changes, A21 and A22 around a leave;
  - A15 for an expected place, and A03 at the end.

Sources: as for `fold`.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, Generic, NamedTuple, TypeVar

from fhirexport_server.domain.codes import PATIENT_CLASS
from fhirexport_server.domain.rows import MovementRow, VenueRow
from fhirexport_server.pam.fold import Stay
from fhirexport_server.pam.slots import slots
from fhirexport_server.pam.track import Span

T = TypeVar("T")
_INPATIENT: Final = "IMP"
_CLASS: Final = {fhir: value for value, fhir in reversed(PATIENT_CLASS.items())}
_PREFIX: Final = "derived-"
_HASHED_PREFIX: Final = "derived.sha256-"
_LONGEST_PLAIN: Final = 48
_HASH_LENGTH: Final = 40


class Event(NamedTuple):
    """One derived movement. Instants are epoch seconds; units and places are database ids."""

    at: int
    trigger: str
    """One of `codes.TRIGGER_EVENT`."""
    class_code: str
    """FHIR's code (v3-ActCode), from then on."""
    place: int | None = None
    responsible: int | None = None
    attending: tuple[str | None, str | None] | None = None


def derive(stay: Stay, announced_at: int) -> list[Event]:
    """Return the movements that fold to a stay, in their order.

    Args:
        stay: The stay, with histories in order and without gaps, as `fold` returns them.
        announced_at: When the expected place was announced; if the last event is later, its instant.
    """
    if stay.status == "cancelled":
        return []
    if stay.status == "planned" or stay.start is None:
        return [Event(announced_at, "A05", stay.class_code, stay.expected, stay.responsible, stay.attending)]
    return _Derivation(stay, stay.start).events(announced_at)


def row(event: Event, venue: VenueRow, position: int, id_: int, kinds: Mapping[int, str]) -> MovementRow:
    """Return the row of a derived movement, with the class that it shows.

    Args:
        event: The derived movement.
        venue: Its venue.
        position: Its position among the venue's derived movements, from 1.
        id_: Its id.
        kinds: The kind of each place, by its id.
    """
    bed, room, uh = slots([] if event.place is None else [event.place], kinds)
    rpps, name = event.attending or (None, None)
    return MovementRow(
        venue_id=venue.id,
        id=id_,
        movement_no=number(venue.venue_no, position),
        started_at=event.at,
        trigger_event=event.trigger,
        nature=None,
        patient_class=_CLASS[event.class_code],
        activity_type=None,
        uf_heb_id=None,
        uf_med_id=event.responsible,
        uf_care_id=None,
        uh_id=uh,
        room_id=room,
        bed_id=bed,
        attending_rpps=rpps,
        attending_name=name,
        expected_return_at=None,
    )


def number(venue_no: str, position: int) -> str:
    """Return the number of a venue's derived movement: stable, and at most 64 characters."""
    return f"{_stem(venue_no)}{position}"


def is_derived_number(movement_no: str, venue_no: str) -> bool:
    """Return whether `number` could have returned this number for the venue."""
    stem = _stem(venue_no)
    position = movement_no.removeprefix(stem)
    return movement_no.startswith(stem) and position.isascii() and position.isdigit() and position[0] != "0"


def _stem(venue_no: str) -> str:
    if len(venue_no) <= _LONGEST_PLAIN:
        return f"{_PREFIX}{venue_no}-"
    return f"{_HASHED_PREFIX}{sha256(venue_no.encode()).hexdigest()[:_HASH_LENGTH]}-"


class _Timeline(Generic[T]):
    """Values over time."""

    def __init__(self, spans: Sequence[Span[T]]) -> None:
        self._spans = spans
        self._starts = [span.start for span in spans]

    def at(self, instant: int) -> T | None:
        """Return the value that holds from an instant on; None in a gap."""
        index = bisect_right(self._starts, instant) - 1
        if index < 0:
            return None
        value, _, end = self._spans[index]
        return value if end is None or instant < end else None


class _Derivation:
    """The events of a stay that has begun."""

    def __init__(self, stay: Stay, start: int) -> None:
        self._stay = stay
        self._start = start
        statuses, classes = [*stay.status_history], [*stay.class_history]
        self._since = statuses[-1].end if statuses else start
        if self._since is not None:
            statuses.append(Span(stay.status, self._since, None))
        if not classes:
            classes = [Span(stay.class_code, start, None)]
        elif stay.end is None and classes[-1].end is not None:
            classes.append(Span(stay.class_code, classes[-1].end, None))
        self._statuses, self._classes, self._places = (
            _Timeline(statuses),
            _Timeline(classes),
            _Timeline(stay.places),
        )
        instants = {start, *(span.start for span in statuses), *(span.start for span in classes)}
        instants |= {span.start for span in stay.places}
        instants |= {span.end for span in stay.places if span.end is not None}
        self._instants = sorted(at for at in instants if at >= start and (stay.end is None or at < stay.end))
        # The place of the patient, or the one before the leave.
        self._place: int | None = None
        self._events: list[Event] = []

    def events(self, announced_at: int) -> list[Event]:
        stay = self._stay
        for status, start, _ in stay.status_history:
            if status == "planned":
                self._add(start, "A05", self._class_at(self._start), None)
        self._arrive()
        for before, at in zip(self._instants, self._instants[1:], strict=False):
            self._change(before, at)
        if stay.end is not None:
            self._events.append(Event(stay.end, "A03", stay.class_code))
        elif stay.expected not in {None, self._place}:
            last = self._events[-1].at
            self._events.append(Event(max(announced_at, last), "A15", stay.class_code, stay.expected))
        return self._events

    def _arrive(self) -> None:
        stay, at = self._stay, self._start
        place = self._places.at(at)
        if at == stay.end and stay.places:
            place = stay.places[0].value
        class_code = self._class_at(at)
        on_leave = self._statuses.at(at) == "onleave"
        if on_leave:
            place = self._kept(at)
        trigger = "A01" if class_code == _INPATIENT else "A04"
        self._add(at, trigger, class_code, place)
        self._events[-1] = self._events[-1]._replace(responsible=stay.responsible, attending=stay.attending)
        if on_leave:
            self._add(at, "A21", class_code, place)

    def _change(self, before: int, at: int) -> None:
        """Add the events for what changes at an instant, since the instant before."""
        class_code, place = self._class_at(at), self._places.at(at)
        was_on_leave = self._statuses.at(before) == "onleave"
        changes_class = class_code != self._class_at(before)
        if self._statuses.at(at) == "onleave":
            kept = self._kept(at)
            # A leave expects another place than the one just left, so the patient gave that one up before.
            gives_up = self._place is not None and self._place == self._expected(at)
            if kept not in {None, self._place} or (kept is None and gives_up):
                self._add(at, "A02", class_code, kept)
            if not was_on_leave or changes_class:
                self._events.append(Event(at, "A21", class_code, kept))
        elif was_on_leave:
            self._events.append(Event(at, "A22", class_code, place))
            if place is None and self._place is not None:
                self._add(at, "A02", class_code, None)
            self._place = place
        elif changes_class:
            self._add(at, "A06" if class_code == _INPATIENT else "A07", class_code, place)
        elif place != self._place:
            self._add(at, "A02", class_code, place)

    def _add(self, at: int, trigger: str, class_code: str, place: int | None) -> None:
        self._events.append(Event(at, trigger, class_code, place))
        self._place = place

    def _class_at(self, at: int) -> str:
        return self._classes.at(at) or self._stay.class_code

    def _expected(self, at: int) -> int | None:
        """Return the place that is expected during the present leave; None before it."""
        return None if self._since is None or at < self._since else self._stay.expected

    def _kept(self, at: int) -> int | None:
        """Return the place that is reserved during the present leave; None before it."""
        reserved = self._stay.reserved
        return None if reserved is None or self._since is None or at < self._since else reserved.value
