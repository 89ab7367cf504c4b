"""Reads a patient's identifiers. The inverse of `fhir/rendering/identities.py`.

The type of an identifier tells its kind, otherwise its system: a national one, or the EJ's own system for
patients (IPP), whatever type the sender gives it.
Source: FR Core 2.2.0, Patient and PatientINS, slices of `identifier`.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.fhir.codings import hl7_system
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.check_digits import has_ins_key
from fhirexport_server.fhir.reading.datatypes.code_tables import known_concept
from fhirexport_server.fhir.reading.datatypes.dates import times
from fhirexport_server.fhir.reading.datatypes.in_force import not_during
from fhirexport_server.fhir.reading.json.element import Element
from fhirexport_server.fhir.reading.resources.drafts import PatientIdentifierDraft
from fhirexport_server.fhir.reading.resources.patients import patient_tables as tables

_USES: Final = {use: use for use in ("usual", "official", "temp", "secondary", "old")}
_LONGEST: Final = 64
# Medical record number: the code that hospitals elsewhere use for what FR Core types PI.
_RECORD_NUMBER: Final = {(hl7_system("v2-0203"), "MR"): "IPP"}
NO_MATRICULE: Final = (
    "is not kept: it is no matricule INS, 13 characters and the key of two digits that they make"
)
_NO_PLACE: Final = "is not kept: this service has no place for an identifier of this type"
_ONLY_ONE: Final = ("NDP",)


class _Kind(NamedTuple):
    """The kind of an identifier."""

    code: str
    """A key of `codes.PATIENT_IDENTIFIER_USE`."""
    is_typed: bool
    """Whether its type tells the kind: then the rules of FR Core's slice apply."""


class Identifiers(NamedTuple):
    """The identifiers of a patient."""

    kept: tuple[PatientIdentifierDraft, ...]
    has_lost_matricule: bool
    """Whether an INS matricule was sent that is not valid."""


def identifiers(root: Element) -> Identifiers:
    """Read `identifier`; those that cannot be kept are discarded, each with a warning."""
    has_lost_matricule = False
    kinds = [(identifier, _kind(identifier)) for identifier in root.children("identifier")]
    kept = _without_ended([(identifier, kind) for identifier, kind in kinds if kind is not None])
    drafts: list[PatientIdentifierDraft] = []
    current_numbers: set[tuple[str, str]] = set()
    for identifier, kind in kept:
        draft = _identifier(identifier, kind, len(drafts) + 1)
        if draft is None:
            has_lost_matricule = has_lost_matricule or kind.code in codes.INS_KIND
            continue
        number = (draft.system, draft.value)
        if draft.use_code == "official" and any(other.use_code == "official" for other in drafts):
            identifier.error("use", "must not be official: another identifier is")
        elif kind.code in _ONLY_ONE and any(other.kind == kind.code for other in drafts):
            identifier.error("", f"is one too many: a patient has one {kind.code} at most")
        elif draft.use_code != "old" and number in current_numbers:
            identifier.drop("is not kept: the same identifier is there before it")
        else:
            drafts.append(draft)
            if draft.use_code != "old":
                current_numbers.add(number)
    return Identifiers(tuple(drafts), has_lost_matricule)


def _without_ended(kept: Sequence[tuple[Element, _Kind]]) -> list[tuple[Element, _Kind]]:
    """Mark as old, or discard, identifiers that have ended if only one is allowed and another is in force."""
    remaining = []
    for identifier, kind in kept:
        only_kind = _only_kind(identifier, kind)
        reason = None if only_kind is None else not_during(identifier)
        rivals = (
            other
            for other, other_kind in kept
            if other is not identifier and _only_kind(other, other_kind) == only_kind
        )
        if reason is None or all(not_during(other) is not None for other in rivals):
            remaining.append((identifier, kind))
        elif "old" in codes.PATIENT_IDENTIFIER_USE[kind.code]:
            identifier.warning("use", "is kept as old: its period is over, and another one is in force")
            identifier.replace("use", "old")
            remaining.append((identifier, kind))
        else:
            identifier.drop(reason)
    return remaining


def _only_kind(identifier: Element, kind: _Kind) -> str | None:
    """Return the kind of identifier of which a patient has one at most; None if several are allowed."""
    if kind.code in codes.INS_KIND:
        return "official" if identifier.peek("use") == "official" else None
    return kind.code if kind.code in _ONLY_ONE else None


def _kind(identifier: Element) -> _Kind | None:
    kind = known_concept(identifier, "type", tables.IDENTIFIER_KIND)
    if kind is not None:
        return _Kind(kind, is_typed=True)
    system = identifier.peek("system")
    system = system.strip() if isinstance(system, str) else None
    own = identifier.scope.context.ipp_systems
    kind = None if system is None else tables.KIND_OF_SYSTEM.get(system)
    if kind is not None:
        return _Kind(kind, is_typed=False)
    if system in own or (not own and known_concept(identifier, "type", _RECORD_NUMBER) is not None):
        if "type" in identifier:
            identifier.skip("type")
            identifier.warning(
                "type", "is kept as PI: the system is the one in which patients are numbered here"
            )
        return _Kind("IPP", is_typed=False)
    identifier.drop(_NO_PLACE)
    return None


def _identifier(identifier: Element, kind: _Kind, seq: int) -> PatientIdentifierDraft | None:
    use = _use(identifier, kind)
    if use is None:
        return None
    if not texts.is_uri(identifier.peek("system")) or "value" not in identifier:
        identifier.drop(
            "is not kept: it needs a value, and a system that is an absolute URI of 200 characters at most"
        )
        return None
    system = texts.uri(identifier, "system")
    fixed = codes.PATIENT_IDENTIFIER_SYSTEM.get(kind.code)
    if system is None or (fixed is not None and system != fixed):
        identifier.drop(f"is not kept: the system of an identifier of this type is {fixed}")
        return None
    if fixed is None and system.lower().startswith(tables.NATIONAL_ARC):
        identifier.drop("is not kept: its system is one of the national identifiers', its type is not")
        return None
    value = texts.business_number(identifier, "value", _LONGEST)
    if value is not None and kind.code in codes.INS_KIND and not has_ins_key(value):
        identifier.warning("value", NO_MATRICULE)
        value = None
    period = times.days(identifier, "period")
    if value is None:
        return None
    partial = period.partial("assigned_on", "ended_on")
    return PatientIdentifierDraft(seq, kind.code, use, system, value, period.first, period.last, partial)


def _use(identifier: Element, kind: _Kind) -> str | None:
    """The use to store; None if the identifier is refused or discarded."""
    allowed = codes.PATIENT_IDENTIFIER_USE[kind.code]
    if "use" not in identifier:
        identifier.warning("use", f"is missing: it is kept as {allowed[0]}")
        return allowed[0]
    use = texts.one_of(identifier, "use", _USES)
    if use is None or use in allowed:
        return use
    if kind.code == "IPP" and not kind.is_typed:
        identifier.warning("use", f"is kept as {allowed[0]}: an IPP is never official")
        return allowed[0]
    if kind.code == "IPP":
        identifier.skip(*tuple(identifier.unread()))
        identifier.error("use", f"must be {' or '.join(allowed)}")
    elif use != "old" and kind.code not in codes.INS_KIND:
        identifier.warning("use", f"is kept as {allowed[0]}")
        return allowed[0]
    else:
        identifier.drop(f"is not kept: the use of an identifier of this type is {' or '.join(allowed)}")
    return None
