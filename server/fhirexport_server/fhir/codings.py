"""Code systems, and the constants that are made of their codes."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.fhir.encoder import encoded
from fhirexport_server.fhir.model import CodeableConcept, Coding, Extension

_FR_CORE: Final = "https://hl7.fr/ig/fhir/core"
_HL7: Final = "http://terminology.hl7.org/CodeSystem"
_NOS: Final = "https://mos.esante.gouv.fr/NOS"
# The HL7 extensions pack allows it on Meta.
TIME_ZONE: Final = "http://hl7.org/fhir/StructureDefinition/timezone"
# FHIR R4, code.
_CODE: Final = re.compile(r"\S+( \S+)*")
_T = TypeVar("_T")


def fr_definition(name: str) -> str:
    """The URL of a profile or extension of FR Core, without a version, as its own examples write it."""
    return f"{_FR_CORE}/StructureDefinition/{name}"


def fr_system(name: str) -> str:
    """The URL of a code system of FR Core."""
    return f"{_FR_CORE}/CodeSystem/fr-core-cs-{name}"


def hl7_system(name: str) -> str:
    """The URL of a code system of HL7's terminology."""
    return f"{_HL7}/{name}"


def nos_system(name: str) -> str:
    """The URL of a code system of the French health nomenclatures, such as `TRE_R13-CommuneOM`."""
    return f"{_NOS}/{name}/FHIR/{name.replace('_', '-')}"


def meta(profile: str, time_zone: str | None = None) -> msgspec.Raw:
    """The `meta` of a resource: its FR Core profile, and the time zone of its instants if given."""
    profiles = [fr_definition(profile)]
    if time_zone is None:
        return encoded({"profile": profiles})
    zone = Extension(url=TIME_ZONE, value_code=time_zone)
    return encoded({"extension": [zone], "profile": profiles})


def concept(
    system: str, code: str, display: str | None = None, *, category: Extension | None = None
) -> msgspec.Raw:
    """A CodeableConcept with one coding."""
    extension = None if category is None else [category]
    coding = Coding(system=system, code=code, display=display)
    return encoded(CodeableConcept(extension=extension, coding=[coding]))


def concepts(system: str, codes: Iterable[str] | Mapping[str, str]) -> dict[str, msgspec.Raw]:
    """A CodeableConcept for each code of a list; a mapping gives the displays."""
    displays = codes if isinstance(codes, Mapping) else {}
    return {code: concept(system, code, displays.get(code)) for code in codes}


def codings(system: str, codes: Iterable[str] | Mapping[str, str]) -> dict[str, Coding]:
    """A Coding for each code of a list; a mapping gives the displays."""
    displays = codes if isinstance(codes, Mapping) else {}
    return {code: Coding(system=system, code=code, display=displays.get(code)) for code in codes}


def known(constants: Mapping[str, _T], code: str, row: tuple[str, int, str]) -> _T:
    """Return what a coded column's value stands for.

    Args:
        constants: What each code stands for.
        code: The column's value.
        row: The table, row id and column, for the error.

    Raises:
        RowNotRenderableError: The code is in no list that the profiles name.
    """
    try:
        return constants[code]
    except KeyError:
        table, row_id, column = row
        raise RowNotRenderableError(table, row_id, f"{column} holds no code that FHIR knows") from None


def known_or_none(constants: Mapping[str, _T], code: str | None, row: tuple[str, int, str]) -> _T | None:
    """Like `known`, for a column that may be null."""
    return None if code is None else known(constants, code, row)


def open_coding(system: str, code: str, row: tuple[str, int, str]) -> Coding:
    """A Coding of a system whose codes are not listed here.

    Args:
        system: The code system.
        code: The column's value.
        row: The table, row id and column, for the error.

    Raises:
        RowNotRenderableError: The text cannot be a code.
    """
    if _CODE.fullmatch(code) is None:
        table, row_id, column = row
        raise RowNotRenderableError(
            table, row_id, f"{column} is no FHIR code: single spaces inside, none around"
        )
    return Coding(system=system, code=code)


def open_concept(system: str, code: str, row: tuple[str, int, str]) -> msgspec.Raw:
    """A CodeableConcept around what `open_coding` returns."""
    return encoded(CodeableConcept(coding=[open_coding(system, code, row)]))
