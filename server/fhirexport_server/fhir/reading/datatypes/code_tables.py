"""Reads codes, by tables that lead from the renderer's constants back to the values of columns.

A code that is not in the table is an error where a profile requires the list; elsewhere it is not kept.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.json.element import Element

T = TypeVar("T")
Table = Mapping[tuple[str, str], T]
"""What a system and code stand for."""
_DESCENT: Final = ("coding", "valueCoding", "valueCodeableConcept", "extension")


def inverse(constants: Mapping[str, object]) -> dict[tuple[str, str], str]:
    """Invert the renderer's constants: from system and code to the value of the column.

    If several values have the same code, it stands for the first.
    """
    table: dict[tuple[str, str], str] = {}
    for value, constant in constants.items():
        if constant is not None:
            table.setdefault(coding_of(constant), value)
    return table


def coding_of(constant: object) -> tuple[str, str]:
    """The system and code of a constant: a Coding, a CodeableConcept, or an Extension around one."""
    value: Any = msgspec.json.decode(msgspec.json.encode(constant))
    while not isinstance(value, dict) or "code" not in value:
        value = (
            value[0] if isinstance(value, list) else value[next(name for name in _DESCENT if name in value)]
        )
    return value["system"], value["code"]


def concept(element: Element, name: str, table: Table[T], *, required: bool = False) -> T | None:
    """What a CodeableConcept stands for, by the first of its codings that the table holds.

    Args:
        element: The element with the property.
        name: The property.
        table: What the codes stand for.
        required: Whether the profile allows no other system.
    """
    value = element.peek(name)
    if isinstance(value, dict):
        meaning = _plain(value, table)
        if meaning is not None:
            element.skip(name)
            return meaning
    child = element.child(name)
    return None if child is None else concept_of(child, table, required=required)


def concept_of(element: Element, table: Table[T], *, required: bool = False) -> T | None:
    """Like `concept`, for an element that is itself a CodeableConcept."""
    meanings = concepts_of(element, table, required=required)
    if len(meanings) > 1:
        element.warning("coding", "is kept as the first code alone: the column holds one")
    return meanings[0] if meanings else None


def concepts_of(element: Element, table: Table[T], *, required: bool = False) -> list[T]:
    """Like `concept_of`, for all the codings that the table holds."""
    meanings: list[T] = []
    unknown = []
    for coding in element.children("coding"):
        pair = _pair(coding)
        meaning = None if pair is None else table.get(pair)
        if meaning is not None:
            meanings.append(meaning)
        elif pair is not None:
            unknown.append(coding)
    for coding in unknown:
        if meanings:
            coding.drop()
        else:
            coding.skip(*tuple(coding.unread()))
    if not meanings:
        _foreign(element, table, required=required)
    return meanings


def coding(element: Element, name: str, table: Table[T], *, required: bool = False) -> T | None:
    """What a required Coding stands for; otherwise like `concept`."""
    child = element.child(name, needed=True)
    if child is None:
        return None
    pair = _pair(child, needed=required)
    if pair is None:
        return None
    meaning = table.get(pair)
    if meaning is None:
        _foreign(child, table, required=required)
    return meaning


def open_coding(element: Element, name: str, system: str) -> str | None:
    """The code of a required Coding, in a system whose codes are not listed here."""
    child = element.child(name, needed=True)
    return None if child is None else _open_code(child, system)


def open_concept(element: Element, name: str, system: str) -> str | None:
    """The code of a CodeableConcept, in a system whose codes are not listed here."""
    child = element.child(name)
    if child is None:
        return None
    codings = child.children("coding")
    own = [candidate for candidate in codings if candidate.peek("system") == system]
    if not own:
        for candidate in codings:
            candidate.skip(*tuple(candidate.unread()))
        child.drop(f"is not kept: only codes of {system} are")
        return None
    for candidate in codings:
        if candidate is not own[0]:
            candidate.drop()
    return _open_code(own[0], system)


def _open_code(coding: Element, system: str) -> str | None:
    if coding.peek("system") != system:
        coding.drop(f"is not kept: only codes of {system} are")
        return None
    coding.skip("system", "display")
    return texts.open_code(coding, "code")


def known_concept(element: Element, name: str, table: Table[T]) -> T | None:
    """Like `concept`, but a concept without a coding of the table is left unread."""
    value = element.peek(name)
    meaning = _plain(value, table)
    if meaning is not None:
        element.skip(name)
        return meaning
    codings = value.get("coding") if isinstance(value, dict) else None
    if not isinstance(codings, list):
        return None
    pairs = ((item.get("system"), item.get("code")) for item in codings if isinstance(item, dict))
    is_known = any(
        isinstance(system, str) and isinstance(code, str) and (system, code) in table
        for system, code in pairs
    )
    return concept(element, name, table) if is_known else None


def plain_pair(value: object) -> tuple[str, str] | None:
    """The system and code of a JSON value that is a CodeableConcept with one coding and nothing else."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    codings = value.get("coding")
    if not isinstance(codings, list) or len(codings) != 1:
        return None
    only = codings[0]
    if not isinstance(only, dict):
        return None
    system, code = only.get("system"), only.get("code")
    if not isinstance(system, str) or not isinstance(code, str):
        return None
    if len(only) > 2 and (len(only) > 3 or not isinstance(only.get("display"), str)):  # noqa: PLR2004 - beside system and code, a display
        return None
    return system, code


def _plain(value: object, table: Table[T]) -> T | None:
    pair = plain_pair(value)
    return None if pair is None else table.get(pair)


def _pair(coding: Element, *, needed: bool = False) -> tuple[str, str] | None:
    system = coding.string("system", needed=needed)
    code = coding.string("code", needed=needed)
    coding.skip("display")
    if system is None or code is None:
        if not needed:
            coding.drop("is not kept: it has no system or no code")
        return None
    return system, code


def _foreign(element: Element, table: Table[T], *, required: bool) -> None:
    systems = " or ".join(dict.fromkeys(system for system, _ in table))
    if required:
        element.error("", f"must have a code of {systems} that FR Core lists")
    else:
        element.drop(f"is not kept: only codes of {systems} that FR Core lists are")
