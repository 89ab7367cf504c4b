"""Reading an Organization's identifiers: national ones by their type, the EJ's own by its system."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from fhirexport_server.fhir import structure_codes as code
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.code_tables import known_concept
from fhirexport_server.fhir.reading.datatypes.in_force import in_force, last_in_force
from fhirexport_server.fhir.reading.datatypes.own_ids import EJ
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.common_elements import number
from fhirexport_server.fhir.reading.resources.structure import structure_tables as tables

_DIGITS: Final = {
    "SIREN": (re.compile(r"[0-9]{9}"), "nine digits"),
    "SIRET": (re.compile(r"[0-9]{14}"), "fourteen digits"),
}
_LONGEST: Final = 64
_BLANKS: Final = re.compile(r"\s+")
_NO_PLACE: Final = "is not kept: this service has no place for an identifier of this system"
# Which number of a system a unit of a kind has, where the type does not say it.
_OF_KIND: Final = {
    code.FINESS_SYSTEM: {EJ: "FINEJ", "EG": "FINEG"},
    code.SIRENE_SYSTEM: {EJ: "SIREN", "EG": "SIRET"},
    code.IDNST_SYSTEM: {EJ: "IDNST", "EG": "IDNST"},
}


class Numbers(NamedTuple):
    """The identifiers of an Organization."""

    national: dict[str, str]
    """By the code of the type."""
    own: tuple[str, str] | None
    """The number that the EJ gave it, and the number's system."""


def namespace(kind: str) -> str:
    """Return which of `codes.NAMESPACE_KIND` the numbers of a kind of unit are of."""
    return code.UNIT_NAMESPACE.get(kind, "STRUCTURE")


def numbers(root: Element, kind: str) -> Numbers:
    """Sort the identifiers; of several of one kind, the one in force is kept."""
    errors = root.errors
    national: dict[str, list[Element]] = {}
    others: list[Element] = []
    for one in root.children("identifier"):
        system = _system(one)
        type_ = known_concept(one, "type", tables.NATIONAL_TYPE)
        if type_ is None and system in _OF_KIND:
            one.skip("type")
            type_ = _OF_KIND[system].get(kind)
            if type_ is None:
                one.drop("is not kept: a unit of this kind has no number of this system")
                continue
        if type_ is None:
            others.append(one)
        else:
            national.setdefault(type_, []).append(one)
    values = {type_: _national(candidates, type_, kind) for type_, candidates in national.items()}
    known = {type_: value for type_, value in values.items() if value is not None}
    own = None if kind == EJ else own_number(others, namespace(kind))
    if kind == EJ:
        for one in others:
            one.drop(_NO_PLACE)
    if root.errors == errors:
        if kind == EJ and "FINEJ" not in known:
            root.error("identifier", "must hold the FINESS number of the legal entity (type FINEJ)")
        elif kind != EJ and own is None:
            root.error("identifier", f"must hold the unit's own number{_of(root, namespace(kind))}")
    return Numbers(known, own)


def own_number(identifiers: Sequence[Element], kind: str) -> tuple[str, str] | None:
    """Return the number that the EJ gives and its system: the one in force of the EJ's system for the kind.

    Args:
        identifiers: Those that may be it; the others are given up.
        kind: Of `codes.NAMESPACE_KIND`.
    """
    candidates = []
    for one in identifiers:
        own = one.scope.context.systems.get(kind)
        if own in (None, _system(one)) and ("value" in one and texts.is_uri(one.peek("system"))):
            candidates.append(one)
        else:
            one.drop(_NO_PLACE)
    found: tuple[str, str] | None = None
    for one in last_in_force(candidates):
        if found is None:
            one.skip("type", "use")
            found = number(one, kind)
        else:
            one.drop("is not kept: only one number of a unit or place is")
    return found


def _of(root: Element, kind: str) -> str:
    system = root.scope.context.systems.get(kind)
    return "" if system is None else f" of {system}"


def _national(candidates: Sequence[Element], type_: str, kind: str) -> str | None:
    system, kinds = tables.NATIONAL[type_]
    kept = []
    for one in candidates:
        if kind not in kinds:
            one.drop("is not kept: a unit of this kind has no number of this type")
        elif _system(one) != system:
            one.drop(f"is not kept: the system of a number of this type is {system}")
        else:
            kept.append(one)
    # A number that has ended is no number of the legal entity's own: it is known by this one.
    listed = last_in_force(kept) if type_ in tables.FINESS else in_force(kept)
    for other in listed[1:]:
        other.drop("is not kept: only one number of each type is")
    return _value(listed[0], type_) if listed else None


def _value(one: Element, type_: str) -> str | None:
    one.skip("system", "use")
    value = one.peek("value")
    if type_ != "IDNST" and isinstance(value, str) and _BLANKS.search(value):
        one.warning("value", "is kept without the blanks in it")
        one.replace("value", _BLANKS.sub("", value))
    if type_ == "FINEJ":
        return texts.finess(one, "value")
    if type_ == "FINEG":
        number = texts.business_number(one, "value", _LONGEST)
        if number is None or texts.is_finess(number):
            return number
        one.warning(
            "value", "is not kept: it is no FINESS number, nine characters of which Luhn's digit is the last"
        )
        return None
    if type_ in _DIGITS:
        return texts.fitting(one, "value", *_DIGITS[type_])
    return texts.business_number(one, "value", 20)


def _system(one: Element) -> str | None:
    system = one.peek("system")
    return system.strip() if isinstance(system, str) else None
