"""Reads the resource of an entry into a draft, by its type."""

from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.json.element import Element, Scope
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.resources.drafts import Draft, DraftOrigin
from fhirexport_server.fhir.reading.resources.encounters.movement import is_movement, movement
from fhirexport_server.fhir.reading.resources.encounters.venue import venue
from fhirexport_server.fhir.reading.resources.patients.patient import patient
from fhirexport_server.fhir.reading.resources.structure.location import location
from fhirexport_server.fhir.reading.resources.structure.organization import organization


def draft(entry: BundleEntry, context: ReadingContext, problems: Problems) -> Draft | None:
    """Read the resource of an entry. None for a DELETE, and if the resource is refused.

    Args:
        entry: From `bundle.bundle` or `bundle.line`.
        context: The context to read in.
        problems: Where its problems go: at least one error if it is refused.
    """
    if entry.resource is None:
        return None
    before = problems.errors
    root = Element(entry.resource, Scope(context, problems, entry.place, entry.path, entry.base))
    resource_draft = _read(root, entry.type, DraftOrigin(entry.place, entry.path, entry.own, entry.key))
    root.report_unread()
    return resource_draft if problems.errors == before else None


def _read(root: Element, type_: str, source: DraftOrigin) -> Draft | None:
    if type_ == "Organization":
        return organization(root, source)
    if type_ == "Location":
        return location(root, source)
    if type_ == "Patient":
        return patient(root, source)
    return movement(root, source) if is_movement(root) else venue(root, source)
