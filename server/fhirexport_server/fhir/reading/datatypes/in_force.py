"""Finds the elements in force, by their `use` and `period` and the EJ's present day.

Source: FHIR R4, ContactPoint, Address, HumanName and Identifier: `old` is no longer in use, and a period
says from when to when.
"""

from collections.abc import Sequence
from typing import Final

from fhirexport_server.fhir.reading.datatypes.dates import moments
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext

OLD: Final = "is not kept: it is no longer in use"
"""The warning for an element whose use is `old`."""
_ENDED: Final = "is not kept: its period has ended"
_NOT_YET: Final = "is not kept: its period has not begun"
_NO_RANK: Final = 2**31


def in_force(elements: Sequence[Element]) -> list[Element]:
    """Return the elements in force, the preferred ones first; discard the others with a warning.

    If the present day is unknown (`ReadingContext.today`), all periods are in force, but those with an end
    come last.
    """
    if all(map(_is_plain, elements)):
        return list(elements)
    kept = []
    for element in elements:
        reason = not_in_force(element)
        if reason is None:
            kept.append(element)
        else:
            element.drop(reason)
    return sorted(kept, key=_preference)


def _is_plain(element: Element) -> bool:
    """Return whether an element has no period, no rank and no use `old`, as is usual."""
    return "period" not in element and "rank" not in element and element.peek("use") != "old"


def last_in_force(elements: Sequence[Element]) -> list[Element]:
    """Like `in_force`, but if all have ended, keep the one that ended last, with a warning.

    This is for what stays true when it ends, such as a birth name.
    """
    if not elements or any(not_in_force(element) is None for element in elements):
        return in_force(elements)
    ended = [element for element in elements if not_in_force(element) == _ENDED]
    kept = max(ended, key=_end, default=None)
    if kept is not None:
        kept.warning("period", "has ended: it is kept since nothing else is in force")
        kept.skip("period")
    in_force([element for element in elements if element is not kept])
    return [] if kept is None else [kept]


def not_in_force(element: Element) -> str | None:
    """Return the warning for an element that is not in force; None if it is."""
    if element.peek("use") == "old":
        return OLD
    return not_during(element)


def not_during(element: Element) -> str | None:
    """Return the warning for an element whose period does not include the present day; None if it does."""
    return over(element.peek("period"), element.scope.context)


def over(period: object, context: ReadingContext) -> str | None:
    """Like `not_during`, for a JSON value that may be a Period."""
    if context.today is None or not isinstance(period, dict):
        return None
    last_day = moments.last_day(period.get("end"), context.time_zone)
    if last_day is not None and last_day < context.today:
        return _ENDED
    first_day = moments.first_day(period.get("start"), context.time_zone)
    return _NOT_YET if first_day is not None and first_day > context.today else None


def _end(element: Element) -> str:
    return moments.last_day(element.peek_in("period", "end"), element.scope.context.time_zone) or ""


def _preference(element: Element) -> tuple[bool, int]:
    rank = element.peek("rank")
    return (
        element.peek_in("period", "end") is not None,
        rank if isinstance(rank, int) and rank > 0 else _NO_RANK,
    )
