"""Reads the Encounter of a movement. The inverse of `fhir/rendering/venues.py`."""

from collections.abc import Sequence
from typing import Final

from fhirexport_server.fhir import venue_codes as code
from fhirexport_server.fhir.reading.datatypes.code_tables import plain_pair
from fhirexport_server.fhir.reading.datatypes.dates import times
from fhirexport_server.fhir.reading.datatypes.dates.precision import reach
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.datatypes.own_ids import MOVEMENT
from fhirexport_server.fhir.reading.datatypes.references import Ref, is_resolvable, reference, unit_below
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.json.reading_context import CODE_SYSTEM, movement_types
from fhirexport_server.fhir.reading.resources.common_elements import profiles
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, MovementDraft, StatedSituation, Stop
from fhirexport_server.fhir.reading.resources.encounters import encounter_tables as tables
from fhirexport_server.fhir.reading.resources.encounters.encounter_class import class_code
from fhirexport_server.fhir.reading.resources.encounters.encounter_numbers import numbers
from fhirexport_server.fhir.reading.resources.encounters.shared_elements import attending, status, stops, unit
from fhirexport_server.pam.slots import SLOTS, nearest

# The movement has no effect, but keeps its number, which is never used again.
_CANCELLED: Final = ("cancelled", "entered-in-error")
_UNITS: Final = {code.CARE_UNIT: "uf_care", code.ACCOMMODATION_UNIT: "uf_heb"}


class _Types:
    """The codes and units in the types of a movement, by column."""

    __slots__ = ("codes", "units")

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        self.units: dict[str, Ref] = {}


def is_movement(root: Element) -> bool:
    """Return whether an Encounter is a movement's: it is part of another, or has a movement's number.

    If what it is part of is a display alone, or a contained resource, one with a venue's number is a venue's.
    """
    above = root.peek("partOf")
    if above is not None and (not isinstance(above, dict) or is_resolvable(above)):
        return True
    identifiers = root.peek("identifier")
    listed = identifiers if isinstance(identifiers, list) else ()
    pairs = [plain_pair(item.get("type")) for item in listed if isinstance(item, dict)]
    types = {tables.NUMBER_TYPE.get(pair) for pair in pairs if pair is not None}
    return tables.MOVEMENT in types or ("partOf" in root and tables.VISIT not in types)


def movement(root: Element, source: DraftOrigin) -> MovementDraft | None:
    """Read a movement's Encounter without its `resourceType` and `id`; None if it is refused."""
    profiles(root.child("meta"), (tables.ENCOUNTER,))
    if source.own is not None and source.own.kind != MOVEMENT:
        root.error("id", "must be a movement's: the resource is part of a venue")
    errors = root.errors
    number = numbers(root, "MOVEMENT").get("MOVEMENT")
    if number is None and root.errors == errors:
        root.error("identifier", "must hold the movement's number (type MN)")
    current_status = status(root)
    current_class = class_code(root, needed=False)
    patient = reference(root, "subject", "Patient")
    venue = reference(root, "partOf", "Encounter", needed=True)
    start_reach = reach(root, "period", "start")
    start, end = _period(root)
    types = _types(root)
    places, expected_return_at = _without_return(stops(root))
    slots = _slots(root, places)
    rpps, doctor = attending(root) or (None, None)
    responsible = unit(root)
    if number is None or current_status is None or venue is None or start is None:
        return None
    return MovementDraft(
        source=source,
        systems=(("MOVEMENT", number[1]),),
        venue=venue,
        patient=patient,
        movement_no=number[0],
        started_at=start,
        trigger_event=types.codes.get("trigger_event"),
        state="cancelled" if current_status in _CANCELLED else "active",
        nature=types.codes.get("nature"),
        patient_class=None if current_class is None else tables.PATIENT_CLASS[current_class],
        activity_type=types.codes.get("activity_type"),
        uf_heb=types.units.get("uf_heb"),
        uf_med=responsible,
        uf_care=types.units.get("uf_care"),
        uh=slots[2],
        room=slots[1],
        bed=slots[0],
        attending_rpps=rpps,
        attending_name=doctor,
        expected_return_at=expected_return_at,
        situation=StatedSituation(current_status, current_class, end, places),
        start_reach=start_reach,
    )


def _period(root: Element) -> Interval:
    errors = root.errors
    interval = times.interval(root, "period", needed=True)
    if interval is not None and interval.start is None and root.errors == errors:
        root.error("period.start", "is required of a movement")
    return interval or Interval()


def _types(root: Element) -> _Types:
    """Read `type`: the event, nature, activity and units, each a code of its own system."""
    types = _Types()
    for type_ in root.children("type"):
        pair = plain_pair(type_.unread())
        if pair is not None:
            type_.skip("coding")
            _take(pair, type_, types)
            continue
        for coding in type_.children("coding"):
            system, value = coding.string("system", needed=True), coding.string("code", needed=True)
            coding.skip("display")
            if system is not None and value is not None:
                _take((system, value), coding, types)
    return types


def _take(pair: tuple[str, str], element: Element, types: _Types) -> None:
    context = element.scope.context
    meaning = context.movement_types.get(pair) or tables.ACTIVITY_TYPE.get(pair)
    if meaning is None:
        base, _, name = pair[0].rpartition(CODE_SYSTEM)
        if name in _UNITS:
            _take_unit(base, pair[1], _UNITS[name], element, types)
            return
        # The code systems of another server of this kind, whose export this is.
        meaning = movement_types(base).get(pair) if name in {code.TRIGGER, code.NATURE} else None
    if meaning is None:
        element.drop()
    elif meaning[0] in types.codes:
        element.drop("is not kept: another type says the same")
    else:
        types.codes[meaning[0]] = meaning[1]


def _take_unit(base: str, logical_id: str, column: str, element: Element, types: _Types) -> None:
    scope = element.scope
    ref = unit_below(base, logical_id, scope, element.within(""))
    if ref is None:
        element.error("", "must hold a code that is the id of an Organization")
    elif column in types.units:
        element.drop("is not kept: another type says the same")
    else:
        types.units[column] = ref


def _without_return(places: tuple[Stop, ...]) -> tuple[tuple[Stop, ...], int | None]:
    """Split off the expected return: a last location that names the first place again, from then on."""
    if len(places) > 1:
        first, last = places[0], places[-1]
        if (
            last.status == "planned"
            and last.during.start is not None
            and last.during.end is None
            and last.place.target == first.place.target
        ):
            return places[:-1], last.during.start
    return places, None


def _slots(root: Element, places: Sequence[Stop]) -> Sequence[Ref | None]:
    """Return the bed, room and UH: the places in order, each in the column nearest to its kind."""
    if len(places) > SLOTS:
        root.warning(f"location[{SLOTS}]", "is not kept, nor what follows: a movement names three places")
        places = places[:SLOTS]
    refs: list[Ref | None] = [None] * SLOTS
    for stop, slot in zip(places, nearest([stop.level for stop in places]), strict=True):
        refs[slot] = stop.place
    return refs
