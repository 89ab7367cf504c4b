"""Reading a patient's identifiers. The inverse of `fhir/rendering/identities.py`.

An identifier's kind is told by its type, otherwise by its system: a national one's, or the EJ's own for its
patients (IPP), whatever type the sender gives it there.
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
# Medical record number: what hospitals elsewhere call the number that FR Core types PI.
_RECORD_NUMBER: Final = {(hl7_system("v2-0203"), "MR"): "IPP"}
NO_MATRICULE: Final = (
    "is not kept: it is no matricule INS, 13 characters and the key of two digits that they make"
)
_NO_PLACE: Final = "is not kept: this service has no place for an identifier of this type"
_ALONE: Final = ("NDP",)


class _Kind(NamedTuple):
    """What an identifier is the number of."""

    code: str
    """Of `codes.PATIENT_IDENTIFIER_USE`."""
    is_typed: bool
    """Whether its type says so, so that it is in FR Core's slice and has the slice's rules."""


class Identifiers(NamedTuple):
    """The identifiers of a patient."""

    kept: tuple[PatientIdentifierDraft, ...]
    has_lost_matricule: bool
    """Whether a matricule INS was sent that cannot be one."""


def identifiers(root: Element) -> Identifiers:
    """Read `identifier`; those that cannot be kept are given up, each with a warning."""
    lost = False
    kinds = [(one, _kind(one)) for one in root.children("identifier")]
    kept = _without_ended([(one, kind) for one, kind in kinds if kind is not None])
    found: list[PatientIdentifierDraft] = []
    current: set[tuple[str, str]] = set()
    for one, kind in kept:
        draft = _identifier(one, kind, len(found) + 1)
        if draft is None:
            lost = lost or kind.code in codes.INS_KIND
            continue
        number = (draft.system, draft.value)
        if draft.use_code == "official" and any(other.use_code == "official" for other in found):
            one.error("use", "must not be official: another identifier is")
        elif kind.code in _ALONE and any(other.kind == kind.code for other in found):
            one.error("", f"is one too many: a patient has one {kind.code} at most")
        elif draft.use_code != "old" and number in current:
            one.drop("is not kept: the same identifier is there before it")
        else:
            found.append(draft)
            if draft.use_code != "old":
                current.add(number)
    return Identifiers(tuple(found), lost)


def _without_ended(kept: Sequence[tuple[Element, _Kind]]) -> list[tuple[Element, _Kind]]:
    """Make those old, or drops them, that are over where there is one at most and another is in force."""
    found = []
    for one, kind in kept:
        alone = _alone(one, kind)
        over = None if alone is None else not_during(one)
        rivals = (other for other, of_kind in kept if other is not one and _alone(other, of_kind) == alone)
        if over is None or all(not_during(other) is not None for other in rivals):
            found.append((one, kind))
        elif "old" in codes.PATIENT_IDENTIFIER_USE[kind.code]:
            one.warning("use", "is kept as old: its period is over, and another one is in force")
            one.replace("use", "old")
            found.append((one, kind))
        else:
            one.drop(over)
    return found


def _alone(one: Element, kind: _Kind) -> str | None:
    """Of what a patient has one at most that this identifier is; None where there may be several."""
    if kind.code in codes.INS_KIND:
        return "official" if one.peek("use") == "official" else None
    return kind.code if kind.code in _ALONE else None


def _kind(one: Element) -> _Kind | None:
    kind = known_concept(one, "type", tables.IDENTIFIER_KIND)
    if kind is not None:
        return _Kind(kind, is_typed=True)
    system = one.peek("system")
    system = system.strip() if isinstance(system, str) else None
    own = one.scope.context.ipp_systems
    kind = None if system is None else tables.KIND_OF_SYSTEM.get(system)
    if kind is not None:
        return _Kind(kind, is_typed=False)
    if system in own or (not own and known_concept(one, "type", _RECORD_NUMBER) is not None):
        if "type" in one:
            one.skip("type")
            one.warning("type", "is kept as PI: the system is the one in which patients are numbered here")
        return _Kind("IPP", is_typed=False)
    one.drop(_NO_PLACE)
    return None


def _identifier(one: Element, kind: _Kind, seq: int) -> PatientIdentifierDraft | None:
    use = _use(one, kind)
    if use is None:
        return None
    if not texts.is_uri(one.peek("system")) or "value" not in one:
        one.drop(
            "is not kept: it needs a value, and a system that is an absolute URI of 200 characters at most"
        )
        return None
    system = texts.uri(one, "system")
    fixed = codes.PATIENT_IDENTIFIER_SYSTEM.get(kind.code)
    if system is None or (fixed is not None and system != fixed):
        one.drop(f"is not kept: the system of an identifier of this type is {fixed}")
        return None
    if fixed is None and system.lower().startswith(tables.NATIONAL_ARC):
        one.drop("is not kept: its system is one of the national identifiers', its type is not")
        return None
    value = texts.business_number(one, "value", _LONGEST)
    if value is not None and kind.code in codes.INS_KIND and not has_ins_key(value):
        one.warning("value", NO_MATRICULE)
        value = None
    period = times.days(one, "period")
    if value is None:
        return None
    partial = period.partial("assigned_on", "ended_on")
    return PatientIdentifierDraft(seq, kind.code, use, system, value, period.first, period.last, partial)


def _use(one: Element, kind: _Kind) -> str | None:
    """The use that the kind's column takes; None for an identifier that is refused or given up."""
    allowed = codes.PATIENT_IDENTIFIER_USE[kind.code]
    if "use" not in one:
        one.warning("use", f"is missing: it is kept as {allowed[0]}")
        return allowed[0]
    use = texts.one_of(one, "use", _USES)
    if use is None or use in allowed:
        return use
    if kind.code == "IPP" and not kind.is_typed:
        one.warning("use", f"is kept as {allowed[0]}: an IPP is never official")
        return allowed[0]
    if kind.code == "IPP":
        one.skip(*tuple(one.whole()))
        one.error("use", f"must be {' or '.join(allowed)}")
    elif use != "old" and kind.code not in codes.INS_KIND:
        one.warning("use", f"is kept as {allowed[0]}")
        return allowed[0]
    else:
        one.drop(f"is not kept: the use of an identifier of this type is {' or '.join(allowed)}")
    return None
