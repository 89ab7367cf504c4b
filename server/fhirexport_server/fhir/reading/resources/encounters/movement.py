"""Owns reading the Encounter of a movement. The inverse of `fhir/rendering/venues.py`."""

from collections.abc import Sequence
from typing import Final

from fhirexport_server.fhir import venue_codes as code
from fhirexport_server.fhir.reading.datatypes.code_tables import plain_pair
from fhirexport_server.fhir.reading.datatypes.dates import times
from fhirexport_server.fhir.reading.datatypes.dates.precision import reach
from fhirexport_server.fhir.reading.datatypes.dates.times import Interval
from fhirexport_server.fhir.reading.datatypes.own_ids import MOVEMENT
from fhirexport_server.fhir.reading.datatypes.references import Ref, reference, unit_below
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.json.reading_context import CODE_SYSTEM, movement_types
from fhirexport_server.fhir.reading.resources.common_elements import profiles
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, MovementDraft, StatedSituation, Stop
from fhirexport_server.fhir.reading.resources.encounters import encounter_tables as tables
from fhirexport_server.fhir.reading.resources.encounters.encounter_class import class_code
from fhirexport_server.fhir.reading.resources.encounters.encounter_numbers import numbers
from fhirexport_server.fhir.reading.resources.encounters.shared_elements import attending, status, stops, unit
from fhirexport_server.pam.slots import SLOTS, nearest

# A movement that is not to count: it keeps its number, which is never given again.
_CANCELLED: Final = ("cancelled", "entered-in-error")
_UNITS: Final = {code.CARE_UNIT: "uf_care", code.ACCOMMODATION_UNIT: "uf_heb"}


class _Types:
    """What the types of a movement say."""

    __slots__ = ("codes", "units")

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        self.units: dict[str, Ref] = {}


def is_movement(root: Element) -> bool:
    """Return whether an Encounter is a movement's: it is part of another, or has a movement's number."""
    if "partOf" in root:
        return True
    identifiers = root.peek("identifier")
    if not isinstance(identifiers, list):
        return False
    types = (plain_pair(one.get("type")) for one in identifiers if isinstance(one, dict))
    return any(tables.NUMBER_TYPE.get(pair) == tables.MOVEMENT for pair in types if pair is not None)


def movement(root: Element, source: DraftOrigin) -> MovementDraft | None:
    """Read a movement's Encounter, whose `resourceType` and `id` were read; None when it is refused."""
    profiles(root.child("meta"), (tables.ENCOUNTER,))
    if source.own is not None and source.own.kind != MOVEMENT:
        root.error("id", "must be a movement's: the resource is part of a venue")
    errors = root.errors
    own = numbers(root, "MOVEMENT").get("MOVEMENT")
    if own is None and root.errors == errors:
        root.error("identifier", "must hold the movement's number (type MN)")
    now = status(root)
    shown = class_code(root, needed=False)
    patient = reference(root, "subject", "Patient")
    venue = reference(root, "partOf", "Encounter", needed=True)
    start_reach = reach(root, "period", "start")
    start, end = _period(root)
    types = _types(root)
    places, back = _without_return(stops(root))
    slots = _slots(root, places)
    rpps, doctor = attending(root) or (None, None)
    responsible = unit(root)
    if own is None or now is None or venue is None or start is None:
        return None
    return MovementDraft(
        source=source,
        systems=(("MOVEMENT", own[1]),),
        venue=venue,
        patient=patient,
        movement_no=own[0],
        started_at=start,
        trigger_event=types.codes.get("trigger_event"),
        state="cancelled" if now in _CANCELLED else "active",
        nature=types.codes.get("nature"),
        patient_class=None if shown is None else tables.PATIENT_CLASS[shown],
        activity_type=types.codes.get("activity_type"),
        uf_heb=types.units.get("uf_heb"),
        uf_med=responsible,
        uf_care=types.units.get("uf_care"),
        uh=slots[2],
        room=slots[1],
        bed=slots[0],
        attending_rpps=rpps,
        attending_name=doctor,
        expected_return_at=back,
        situation=StatedSituation(now, shown, end, places),
        start_reach=start_reach,
    )


def _period(root: Element) -> Interval:
    errors = root.errors
    found = times.span(root, "period", needed=True)
    if found is not None and found.start is None and root.errors == errors:
        root.error("period.start", "is required of a movement")
    return found or Interval()


def _types(root: Element) -> _Types:
    """Read `type`: the event, the nature, the activity and the units, each a code of its own system."""
    found = _Types()
    for one in root.children("type"):
        pair = plain_pair(one.whole())
        if pair is not None:
            one.skip("coding")
            _take(pair, one, found)
            continue
        for coding in one.children("coding"):
            system, value = coding.string("system", needed=True), coding.string("code", needed=True)
            coding.skip("display")
            if system is not None and value is not None:
                _take((system, value), coding, found)
    return found


def _take(pair: tuple[str, str], element: Element, found: _Types) -> None:
    context = element.scope.context
    said = context.movement_types.get(pair) or tables.ACTIVITY_TYPE.get(pair)
    if said is None:
        base, _, name = pair[0].rpartition(CODE_SYSTEM)
        if name in _UNITS:
            _take_unit(base, pair[1], _UNITS[name], element, found)
            return
        # An export of another server of this kind.
        said = movement_types(base).get(pair) if name in {code.TRIGGER, code.NATURE} else None
    if said is None:
        element.drop()
    elif said[0] in found.codes:
        element.drop("is not kept: another type says the same")
    else:
        found.codes[said[0]] = said[1]


def _take_unit(base: str, logical_id: str, column: str, element: Element, found: _Types) -> None:
    scope = element.scope
    ref = unit_below(base, logical_id, scope, element.within(""))
    if ref is None:
        element.error("", "must hold a code that is the id of an Organization")
    elif column in found.units:
        element.drop("is not kept: another type says the same")
    else:
        found.units[column] = ref


def _without_return(places: tuple[Stop, ...]) -> tuple[tuple[Stop, ...], int | None]:
    """Take the expected return away: it names the first place again, from then on."""
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
    """Bed, room and UH: the places in their order, each as near as possible to where its kind belongs."""
    if len(places) > SLOTS:
        root.warning(f"location[{SLOTS}]", "is not kept, nor what follows: a movement names three places")
        places = places[:SLOTS]
    refs: list[Ref | None] = [None] * SLOTS
    for stop, slot in zip(places, nearest([stop.level for stop in places]), strict=True):
        refs[slot] = stop.place
    return refs
