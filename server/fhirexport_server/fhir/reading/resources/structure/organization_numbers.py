"""Reads an Organization's identifiers: national ones by type, the EJ's own by system."""

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
# The type of number that a kind of unit has in a system, if the Identifier has no type.
_OF_KIND: Final = {
    code.FINESS_SYSTEM: {EJ: "FINEJ", "EG": "FINEG"},
    code.SIRENE_SYSTEM: {EJ: "SIREN", "EG": "SIRET"},
    code.IDNST_SYSTEM: {EJ: "IDNST", "EG": "IDNST"},
}


class Numbers(NamedTuple):
    """The identifiers of an Organization."""

    national: dict[str, str]
    """National numbers, by the code of their type."""
    own: tuple[str, str] | None
    """The number that the EJ gave, and its system."""


def namespace(kind: str) -> str:
    """Return the kind of `codes.NAMESPACE_KIND` of the numbers of a kind of unit."""
    return code.UNIT_NAMESPACE.get(kind, "STRUCTURE")


def numbers(root: Element, kind: str) -> Numbers:
    """Read `identifier`; of several numbers of one type, the one in force is kept."""
    errors = root.errors
    national: dict[str, list[Element]] = {}
    others: list[Element] = []
    for identifier in root.children("identifier"):
        system = _system(identifier)
        type_ = known_concept(identifier, "type", tables.NATIONAL_TYPE)
        if type_ is None and system in _OF_KIND:
            identifier.skip("type")
            type_ = _OF_KIND[system].get(kind)
            if type_ is None:
                identifier.drop("is not kept: a unit of this kind has no number of this system")
                continue
        if type_ is None:
            others.append(identifier)
        else:
            national.setdefault(type_, []).append(identifier)
    values = {type_: _national(candidates, type_, kind) for type_, candidates in national.items()}
    known = {type_: value for type_, value in values.items() if value is not None}
    own = None if kind == EJ else own_number(others, namespace(kind))
    if kind == EJ:
        for identifier in others:
            identifier.drop(_NO_PLACE)
    if root.errors == errors:
        if kind == EJ and "FINEJ" not in known:
            root.error("identifier", "must hold the FINESS number of the legal entity (type FINEJ)")
        elif kind != EJ and own is None:
            root.error("identifier", f"must hold the unit's own number{_of(root, namespace(kind))}")
    return Numbers(known, own)


def own_number(identifiers: Sequence[Element], kind: str) -> tuple[str, str] | None:
    """Return the number in force in the EJ's system for a kind, and the system.

    Args:
        identifiers: The candidates; those that are not kept are discarded.
        kind: The kind of number, of `codes.NAMESPACE_KIND`.
    """
    candidates = []
    for identifier in identifiers:
        own = identifier.scope.context.systems.get(kind)
        if own in (None, _system(identifier)) and (
            "value" in identifier and texts.is_uri(identifier.peek("system"))
        ):
            candidates.append(identifier)
        else:
            identifier.drop(_NO_PLACE)
    kept_number: tuple[str, str] | None = None
    for identifier in last_in_force(candidates):
        if kept_number is None:
            identifier.skip("type", "use")
            kept_number = number(identifier, kind)
        else:
            identifier.drop("is not kept: only one number of a unit or place is")
    return kept_number


def _of(root: Element, kind: str) -> str:
    system = root.scope.context.systems.get(kind)
    return "" if system is None else f" of {system}"


def _national(candidates: Sequence[Element], type_: str, kind: str) -> str | None:
    system, kinds = tables.NATIONAL[type_]
    kept = []
    for candidate in candidates:
        if kind not in kinds:
            candidate.drop("is not kept: a unit of this kind has no number of this type")
        elif _system(candidate) != system:
            candidate.drop(f"is not kept: the system of a number of this type is {system}")
        else:
            kept.append(candidate)
    # FINESS numbers identify the unit, so the last one is kept even if its period has ended.
    in_order = last_in_force(kept) if type_ in tables.FINESS else in_force(kept)
    for other in in_order[1:]:
        other.drop("is not kept: only one number of each type is")
    return _value(in_order[0], type_) if in_order else None


def _value(identifier: Element, type_: str) -> str | None:
    identifier.skip("system", "use")
    value = identifier.peek("value")
    if type_ != "IDNST" and isinstance(value, str) and _BLANKS.search(value):
        identifier.warning("value", "is kept without the blanks in it")
        identifier.replace("value", _BLANKS.sub("", value))
    if type_ == "FINEJ":
        return texts.finess(identifier, "value")
    if type_ == "FINEG":
        number = texts.business_number(identifier, "value", _LONGEST)
        if number is None or texts.is_finess(number):
            return number
        identifier.warning(
            "value", "is not kept: it is no FINESS number, nine characters of which Luhn's digit is the last"
        )
        return None
    if type_ in _DIGITS:
        return texts.fitting(identifier, "value", *_DIGITS[type_])
    return texts.business_number(identifier, "value", 20)


def _system(identifier: Element) -> str | None:
    system = identifier.peek("system")
    return system.strip() if isinstance(system, str) else None
