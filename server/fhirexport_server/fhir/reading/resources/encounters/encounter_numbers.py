"""Reads the identifiers of an Encounter: the number of the venue, of the movement or of the account.

The type tells which one it is, otherwise the system, if the EJ is known to use it. An Encounter never loses
its only number: one without a type is taken for the Encounter's own, as long as the EJ's system for such
numbers is not known. A number in force comes before others of its kind, whatever their order.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.code_tables import known_concept
from fhirexport_server.fhir.reading.datatypes.in_force import OLD, not_in_force
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.common_elements import number
from fhirexport_server.fhir.reading.resources.encounters import encounter_tables as tables

Number = tuple[str, str]
"""A value and its system."""
_USES: Final = {use: use for use in ("usual", "official", "temp", "secondary", "old")}
_OF_VENUE: Final = ("VENUE", "PREADMISSION", "NDA")
_OF_MOVEMENT: Final = ("MOVEMENT",)
_NOT_KEPT: Final = "is not kept: this service has no place for a number of this type, or one more"
_ONLY_ONE: Final = "is not kept: no other number of this type is in force"


def numbers(root: Element, main: str) -> dict[str, Number]:
    """Read `identifier`: the numbers that are kept, by kind of `codes.NAMESPACE_KIND`.

    Args:
        root: The Encounter.
        main: The kind of number that it must have: VENUE or MOVEMENT.
    """
    kept: dict[str, Number] = {}
    identifiers = root.children("identifier", needed=True)
    reasons = {identifier: not_in_force(identifier) for identifier in identifiers}
    identifiers = sorted(identifiers, key=lambda identifier: reasons[identifier] is not None)
    others = []
    for identifier in identifiers:
        type_ = known_concept(identifier, "type", tables.NUMBER_TYPE)
        if type_ is None or (main == "MOVEMENT" and type_ != tables.MOVEMENT):
            others.append(identifier)
            continue
        _keep(identifier, _kind(identifier, type_), kept, reasons)
    systems = root.scope.context.systems
    unplaced = []
    for identifier in others:
        use = identifier.peek("use")
        kinds = [kind for kind in _kinds(main) if systems.get(kind) == identifier.peek("system")]
        kind = next((kind for kind in kinds if (kind == "PREADMISSION") == (use == "temp")), None)
        if kind is None or kind in kept:
            unplaced.append(identifier)
        else:
            _take(identifier, kind, kept, reasons)
    if main not in kept and len(unplaced) == 1 and main not in systems and _may_be(unplaced[0], identifiers):
        _take(unplaced.pop(), main, kept, reasons)
    for identifier in unplaced:
        identifier.drop(_NOT_KEPT)
    return kept


def _kinds(main: str) -> Sequence[str]:
    return _OF_MOVEMENT if main == "MOVEMENT" else _OF_VENUE


def _may_be(identifier: Element, identifiers: Sequence[Element]) -> bool:
    """Return whether an identifier can be its Encounter's number: it is the only one, or has no type."""
    use = identifier.peek("use")  # any JSON
    return use not in ("temp", "old") and (len(identifiers) == 1 or "type" not in identifier)


def _take(
    identifier: Element, kind: str, kept: dict[str, Number], reasons: Mapping[Element, str | None]
) -> None:
    name = kind.lower()
    if "type" in identifier:
        identifier.skip("type")
        identifier.warning("type", f"is not kept: it is the {name}'s number")
    else:
        identifier.warning("type", f"is missing: it is taken for the {name}'s number")
    texts.one_of(identifier, "use", _USES)
    _keep(identifier, kind, kept, reasons)


def _kind(identifier: Element, type_: str) -> str:
    use = texts.one_of(identifier, "use", _USES)
    if type_ == tables.VISIT:
        return "PREADMISSION" if use == "temp" else "VENUE"
    return "MOVEMENT" if type_ == tables.MOVEMENT else "NDA"


def _keep(
    identifier: Element, kind: str, kept: dict[str, Number], reasons: Mapping[Element, str | None]
) -> None:
    """Keep a number, unless there is one of its kind; tell of one that is not in force."""
    reason = reasons[identifier]
    if kind in kept:
        identifier.drop(reason or _NOT_KEPT)
        return
    value = number(identifier, kind)
    if value is None:
        return
    kept[kind] = value
    if reason is not None:
        at = "use" if reason == OLD else "period"
        identifier.skip(at)
        identifier.warning(at, _ONLY_ONE)
