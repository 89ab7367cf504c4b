"""A column is read into a field of its name: what a draft or a row has beside is listed, with the reason."""

from typing import Any, NamedTuple, get_type_hints

import pytest
from fhirexport_server.domain import rows
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.resources import drafts

ABOUT_READING = {"source", "systems", "unsaid", "partial"}
"""Fields of drafts that say where they come from, and what they leave open."""
PAIRS: tuple[tuple[Any, Any, set[str], set[str]], ...] = (
    (drafts.EjDraft, rows.EjRow, set(), set()),
    # Attachments have a table of their own; a query adds what a row says of its parents.
    (drafts.OrgUnitDraft, rows.OrgUnitRow, {"members"}, {"parent_kind", "depth"}),
    (drafts.PlaceDraft, rows.PlaceRow, set(), {"parent_kind", "depth", "uf_kind"}),
    # The EJ is the import's; identifiers and contacts have tables of their own.
    (drafts.PatientDraft, rows.PatientRow, {"ej_id", "identifiers", "contacts"}, set()),
    (drafts.PatientIdentifierDraft, rows.PatientIdentifierRow, set(), {"patient_id"}),
    (drafts.PatientContactDraft, rows.PatientContactRow, set(), {"patient_id"}),
    # A summary is compared with the movements, and not stored.
    (drafts.VenueDraft, rows.VenueRow, {"summary"}, set()),
    # The patient is the venue's, exports read active movements alone, and the rest is not stored.
    (drafts.MovementDraft, rows.MovementRow, {"patient_id", "situation", "start_reach", "state"}, set()),
)


def _columns(draft: type[NamedTuple]) -> set[str]:
    """The columns that a draft's fields are named for: a reference is read into `<name>_id`."""
    types = get_type_hints(draft)
    return {
        f"{name}_id" if kind in {Ref, Ref | None} else name
        for name, kind in types.items()
        if name not in ABOUT_READING
    }


@pytest.mark.parametrize(("draft", "row", "of_draft", "of_row"), PAIRS)
def test_a_draft_has_a_field_for_each_column_of_its_row(
    draft: type[NamedTuple], row: type[NamedTuple], of_draft: set[str], of_row: set[str]
) -> None:
    columns = set(row._fields) - {"id"}
    assert _columns(draft) - columns == of_draft
    assert columns - _columns(draft) == of_row
