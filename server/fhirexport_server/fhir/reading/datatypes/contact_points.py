"""Reading contact points, wherever a resource has them: those in force, by the columns that keep them."""

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
"""Stands for every use, in `Points`."""
# The French numbering plan (ARCEP): mobile numbers begin with 06 or 07, overseas too.
_MOBILE: Final = re.compile(r"(?:(?:\+|00)(?:33|262|590|594|596)0?|0)[67][0-9]{8}")
_NOT_DIALLED: Final = re.compile(r"[\s.()/-]")

Points = Mapping[tuple[str, str | None], str]
"""From system and use of a contact point to the column that keeps it.

A use of None stands for none, ANY_USE for any other.
"""


def telecom(element: Element, points: Points) -> dict[str, str]:
    """The contact points of a resource that are in force, by the column that keeps each."""
    kept = [(point, system) for point in element.children("telecom") if (system := _system(point))]
    systems = {id(point): system for point, system in kept}
    waiting = in_force([point for point, _ in kept])
    found: dict[str, str] = {}
    # Those whose use a column is for come first, whatever their order.
    for column_of in (_of_its_use, _of_any_use):
        left = []
        for point in waiting:
            system = systems[id(point)]
            column = column_of(point, system, points)
            if column is None or column in found:
                left.append(point)
                continue
            if column_of is _of_its_use:
                point.skip("use")
            elif "use" not in point and (system, None) in points:
                point.warning("use", _NO_USE)
            point.skip("rank")
            value = texts.whole(point, "value", _LONGEST[system], needed="_value" not in point)
            if value is not None:
                found[column] = value
        waiting = left
    for point in waiting:
        point.drop(_NO_PLACE)
    return found


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
