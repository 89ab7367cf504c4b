"""The names of each kind of draft, and the references that it holds."""

from collections.abc import Sequence

from fhirexport_server.fhir.reading.datatypes.references import Identifier, Ref
from fhirexport_server.fhir.reading.resources.drafts import (
    Draft,
    EjDraft,
    MovementDraft,
    OrgUnitDraft,
    PatientDraft,
    PlaceDraft,
    VenueDraft,
)
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM

Kinds = tuple[type[Draft], ...]
"""The kinds of draft that a reference may name."""
Link = tuple[Ref, Kinds]

_EJ: Kinds = (EjDraft,)
_UNIT: Kinds = (OrgUnitDraft,)
_EJ_OR_UNIT: Kinds = (EjDraft, OrgUnitDraft)
_PLACE: Kinds = (PlaceDraft,)
_PATIENT: Kinds = (PatientDraft,)
_VENUE: Kinds = (VenueDraft,)


def references(draft: Draft) -> list[Link]:
    """Return the references of a draft, each with the kinds of draft that it may name."""
    links: list[tuple[Ref | None, Kinds]] = []
    if isinstance(draft, OrgUnitDraft):
        links = [(draft.parent, _EJ_OR_UNIT), *((member, _UNIT) for member in draft.members)]
    elif isinstance(draft, PlaceDraft):
        links = [(draft.parent, _PLACE), (draft.uf, _EJ_OR_UNIT)]
    elif isinstance(draft, PatientDraft):
        links = [(draft.ej, _EJ), (draft.merged_into, _PATIENT)]
    elif isinstance(draft, VenueDraft):
        links = [(draft.patient, _PATIENT)]
    elif isinstance(draft, MovementDraft):
        links = [(draft.venue, _VENUE), (draft.patient, _PATIENT)]
        links += [(unit, _UNIT) for unit in (draft.uf_heb, draft.uf_med, draft.uf_care)]
        links += [(place, _PLACE) for place in (draft.bed, draft.room, draft.uh)]
    return [(ref, kinds) for ref, kinds in links if ref is not None]


def parent(draft: Draft) -> Link | None:
    """Return the reference of a draft to its parent, which must not lead back to it."""
    if isinstance(draft, OrgUnitDraft) and draft.parent is not None:
        return draft.parent, _EJ_OR_UNIT
    if isinstance(draft, PlaceDraft) and draft.parent is not None:
        return draft.parent, _PLACE
    if isinstance(draft, PatientDraft) and draft.merged_into is not None:
        return draft.merged_into, _PATIENT
    return None


def numbers(draft: Draft) -> Sequence[object]:
    """Return what no other draft of the import may have: the keys of the tables; there is only one EJ."""
    if isinstance(draft, EjDraft):
        return (EjDraft,)
    if isinstance(draft, OrgUnitDraft | PlaceDraft):
        return ((draft.kind, draft.code),)
    if isinstance(draft, PatientDraft):
        return [
            (identifier.system, identifier.value)
            for identifier in draft.identifiers
            if identifier.use_code != "old"
        ]
    if isinstance(draft, VenueDraft):
        return ((VenueDraft, draft.venue_no),)
    return ((MovementDraft, draft.movement_no),)


def held(draft: Draft) -> Sequence[Identifier]:
    """Return all identifiers of a draft, even those no longer in use."""
    if isinstance(draft, PatientDraft):
        return [(identifier.system, identifier.value) for identifier in draft.identifiers]
    return identifiers(draft)


def identifiers(draft: Draft) -> Sequence[Identifier]:
    """Return the identifiers by which references find a draft."""
    if isinstance(draft, EjDraft):
        return ((FINESS_SYSTEM, draft.finess),)
    if isinstance(draft, PatientDraft):
        return [
            (identifier.system, identifier.value)
            for identifier in draft.identifiers
            if identifier.use_code != "old"
        ]
    systems = dict(draft.systems)
    if isinstance(draft, VenueDraft):
        return ((systems["VENUE"], draft.venue_no),)
    if isinstance(draft, MovementDraft):
        return ((systems["MOVEMENT"], draft.movement_no),)
    ((_, system),) = draft.systems
    names = [(system, draft.code)]
    if isinstance(draft, OrgUnitDraft) and draft.finess is not None:
        names.append((FINESS_SYSTEM, draft.finess))
    return names
