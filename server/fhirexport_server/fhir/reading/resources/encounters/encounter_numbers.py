"""Reading the identifiers of an Encounter: which of them is the venue's, the movement's or the account's.

The type tells; where it does not, the system does that the EJ gives such numbers in. An Encounter never
loses its only number: one without a type is taken for what the Encounter is, as long as the EJ's system for
it is not settled.
"""

from collections.abc import Sequence
from typing import Final

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.code_tables import known_concept
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.common_elements import number
from fhirexport_server.fhir.reading.resources.encounters import encounter_tables as tables

Number = tuple[str, str]
"""A value and its system."""
_USES: Final = {use: use for use in ("usual", "official", "temp", "secondary", "old")}
_OF_VENUE: Final = ("VENUE", "PREADMISSION", "NDA")
_OF_MOVEMENT: Final = ("MOVEMENT",)
_NOT_KEPT: Final = "is not kept: this service has no place for a number of this type, or one more"


def numbers(root: Element, main: str) -> dict[str, Number]:
    """Read `identifier`: by kind of `codes.NAMESPACE_KIND`, the numbers that are kept.

    Args:
        root: The Encounter.
        main: What it must have: VENUE or MOVEMENT.
    """
    found: dict[str, Number] = {}
    identifiers = root.children("identifier", needed=True)
    others = []
    for one in identifiers:
        type_ = known_concept(one, "type", tables.NUMBER_TYPE)
        if type_ is None or (main == "MOVEMENT" and type_ != tables.MOVEMENT):
            others.append(one)
            continue
        _keep(one, _kind(one, type_), found)
    systems = root.scope.context.systems
    rest = []
    for one in others:
        use = one.peek("use")
        kinds = [kind for kind in _kinds(main) if systems.get(kind) == one.peek("system")]
        kind = next((kind for kind in kinds if (kind == "PREADMISSION") == (use == "temp")), None)
        if kind is None or kind in found:
            rest.append(one)
        else:
            _take(one, kind, found)
    if main not in found and len(rest) == 1 and main not in systems and _may_be(rest[0], identifiers):
        _take(rest.pop(), main, found)
    for one in rest:
        one.drop(_NOT_KEPT)
    return found


def _kinds(main: str) -> Sequence[str]:
    return _OF_MOVEMENT if main == "MOVEMENT" else _OF_VENUE


def _may_be(one: Element, identifiers: Sequence[Element]) -> bool:
    """Return whether an identifier can be its Encounter's number: it is the only one, or has no type."""
    use = one.peek("use")  # any JSON
    return use not in ("temp", "old") and (len(identifiers) == 1 or "type" not in one)


def _take(one: Element, kind: str, found: dict[str, Number]) -> None:
    name = kind.lower()
    if "type" in one:
        one.skip("type")
        one.warning("type", f"is not kept: it is the {name}'s number")
    else:
        one.warning("type", f"is missing: it is taken for the {name}'s number")
    texts.one_of(one, "use", _USES)
    _keep(one, kind, found)


def _kind(one: Element, type_: str) -> str:
    use = texts.one_of(one, "use", _USES)
    if type_ == tables.VISIT:
        return "PREADMISSION" if use == "temp" else "VENUE"
    return "MOVEMENT" if type_ == tables.MOVEMENT else "NDA"


def _keep(one: Element, kind: str, found: dict[str, Number]) -> None:
    if kind in found:
        one.drop(_NOT_KEPT)
        return
    value = number(one, kind)
    if value is not None:
        found[kind] = value
