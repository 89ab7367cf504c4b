"""Owns what an import comes in: its resources in the order in which they can be written, in windows."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from fhirexport_server.domain import codes
from fhirexport_server.fhir.reading.bundles.bundle import Bundle, BundleType
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry, Method
from fhirexport_server.fhir.reading.datatypes.own_ids import EJ, MOVEMENT, PATIENT, VENUE, OwnId
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.store.importing.new_ids import LARGEST

TABLES: Final = {
    EJ: "ej",
    **dict.fromkeys(codes.ORG_KIND, "org_unit"),
    **dict.fromkeys(codes.PLACE_KIND, "place"),
    PATIENT: "patient",
    VENUE: "venue",
    MOVEMENT: "movement",
}
"""Where the rows of each kind of id are."""
STRUCTURE_TYPES: Final = ("Organization", "Location")


class ResourceSource(Protocol):
    """The resources of an import."""

    is_atomic: bool
    """Whether one error refuses everything."""

    nowhere: AbstractSet[str]
    """Names, as `DraftOrigin.key`, that lead nowhere."""

    @property
    def digest(self) -> str:
        """Of its content."""

    def largest(self) -> dict[str, int]:
        """Returns the largest id of our own form that it brings for each table."""

    def deletions(self) -> Sequence[BundleEntry]:
        """Returns what is to be deleted."""

    def structure(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:
        """Yields windows of Organizations and Locations, and whatever is of no type that can be imported."""

    def patients(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:
        """Yields windows of Patients."""

    def encounters(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:
        """Yields windows of Encounters, a venue's movements in its own if possible."""


class Largest:
    """The largest ids of our own form, by table."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}

    def note(self, own: OwnId | None) -> None:
        """Takes note of an id."""
        if own is not None and own.number <= LARGEST:
            table = TABLES[own.kind]
            self.found[table] = max(own.number, self.found.get(table, 0))


class BundleSource:
    """The resources of a Bundle, which are in memory."""

    def __init__(self, bundle: Bundle, digest: str) -> None:
        self.is_atomic = bundle.type is not BundleType.BATCH
        self.nowhere = bundle.nowhere
        self.digest = digest
        self._entries = bundle.entries

    def largest(self) -> dict[str, int]:
        """See ResourceSource."""
        largest = Largest()
        for entry in self._entries:
            largest.note(entry.own)
        return largest.found

    def deletions(self) -> Sequence[BundleEntry]:
        """See ResourceSource."""
        return [entry for entry in self._entries if entry.method is Method.DELETE]

    def structure(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:  # noqa: ARG002 - as the protocol has it
        """See ResourceSource."""
        yield self._of(*STRUCTURE_TYPES)

    def patients(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:  # noqa: ARG002 - as above
        """See ResourceSource."""
        yield self._of("Patient")

    def encounters(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:  # noqa: ARG002 - as above
        """See ResourceSource."""
        yield self._of("Encounter")

    def _of(self, *types: str) -> list[BundleEntry]:
        return [entry for entry in self._entries if entry.type in types and entry.method is not Method.DELETE]
