"""Reads contact points: those in force, into the columns that there are."""

import re
from collections.abc import Mapping
from typing import Final

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.in_force import in_force
from fhirexport_server.fhir.reading.json.element import Element

_LONGEST: Final = {"phone": 40, "email": 100}
_SYSTEMS: Final = {code: code for code in ("phone", "fax", "email", "pager", "url", "sms", "other")}
_NO_PLACE: Final = "is not kept: this service has no place for a contact point of this kind, or for one more"
_NO_USE: Final = "is missing: a number that begins with 06 or 07 is kept as the mobile one, others as home's"
ANY_USE: Final = "*"
"""Any use, in `Points`."""
# The French numbering plan (ARCEP): mobile numbers begin with 06 or 07, overseas too.
_MOBILE: Final = re.compile(r"(?:(?:\+|00)(?:33|262|590|594|596)0?|0)[67][0-9]{8}")
_NOT_DIALLED: Final = re.compile(r"[\s.()/-]")

Points = Mapping[tuple[str, str | None], str]
"""The column for each system and use of a contact point.

None is for a point without a use, ANY_USE for a use that is not listed.
"""


def telecom(element: Element, points: Points) -> dict[str, str]:
    """The values of the contact points in force, by column."""
    kept = [(point, system) for point in element.children("telecom") if (system := _system(point))]
    systems = {id(point): system for point, system in kept}
    waiting = in_force([point for point, _ in kept])
    values: dict[str, str] = {}
    # Points whose use has a column of its own come first, whatever their order.
    for column_of in (_of_its_use, _of_any_use):
        unplaced = []
        for point in waiting:
            system = systems[id(point)]
            column = column_of(point, system, points)
            if column is None or column in values:
                unplaced.append(point)
                continue
            if column_of is _of_its_use:
                point.skip("use")
            elif "use" not in point and (system, None) in points:
                point.warning("use", _NO_USE)
            point.skip("rank")
            value = texts.whole(point, "value", _LONGEST[system], needed="_value" not in point)
            if value is not None:
                values[column] = value
        waiting = unplaced
    for point in waiting:
        point.drop(_NO_PLACE)
    return values


def _system(point: Element) -> str | None:
    if "system" not in point and "_system" in point:
        point.drop("is not kept: it does not say of which system it is")
        return None
    system = texts.one_of(point, "system", _SYSTEMS, needed=True)
    if system is None:
        point.skip("use", "value")
    return system


def _of_its_use(point: Element, system: str, points: Points) -> str | None:
    use = point.peek("use")
    return points.get((system, use)) if isinstance(use, str) else None


def _of_any_use(point: Element, system: str, points: Points) -> str | None:
    if "use" in point or (system, None) not in points:
        return points.get((system, ANY_USE))
    column = points[system, None]
    return points.get((system, "mobile"), column) if _is_mobile(point.peek("value")) else column


def _is_mobile(value: object) -> bool:
    return isinstance(value, str) and _MOBILE.fullmatch(_NOT_DIALLED.sub("", value)) is not None
