"""The resources of an import, in windows and in the order in which they can be written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from fhirexport_server.fhir.reading.bundles.bundle import Bundle, BundleType
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry, Method
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.sources.line_files import Line
from fhirexport_server.store.importing.new_ids import LARGEST

STRUCTURE_TYPES: Final = ("Organization", "Location")


News = Callable[[Sequence[Sequence[Line]]], Sequence[Sequence[Line]]]
"""Takes the lines of a window, by patient or stay; returns those that are to be read."""


class ResourceSource(Protocol):
    """The resources of an import."""

    is_atomic: bool
    """Whether one error refuses everything."""

    nowhere: AbstractSet[str]
    """Names, as in `DraftOrigin.key`, that name nothing."""

    @property
    def digest(self) -> str:
        """A digest of its content."""

    def largest(self) -> Mapping[Kind, int]:
        """Return the largest id of this service's form among the resources, by kind."""

    def deletions(self) -> Sequence[BundleEntry]:
        """Return the entries that delete a resource."""

    def structure(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:
        """Yield windows of Organizations and Locations, and of resources that cannot be imported."""

    def patients(
        self, context: ReadingContext, problems: Problems, news: News
    ) -> Iterator[Sequence[BundleEntry]]:
        """Yield windows of Patients, without lines that are no news."""

    def encounters(
        self, context: ReadingContext, problems: Problems, news: News
    ) -> Iterator[Sequence[BundleEntry]]:
        """Yield windows of Encounters, without lines that are no news.

        A venue and its movements are in one, if possible.
        """


class Largest:
    """The largest ids of this service's form, by kind."""

    def __init__(self) -> None:
        self.ids: dict[Kind, int] = {}

    def note(self, own: OwnId | None) -> None:
        """Note an id."""
        if own is not None and own.number <= LARGEST:
            kind = Kind.of(own)
            self.ids[kind] = max(own.number, self.ids.get(kind, 0))


class BundleSource:
    """The resources of a Bundle, in memory."""

    def __init__(self, bundle: Bundle, digest: str) -> None:
        self.is_atomic = bundle.type is not BundleType.BATCH
        self.nowhere = bundle.nowhere
        self.digest = digest
        self._entries = bundle.entries

    def largest(self) -> Mapping[Kind, int]:
        """See ResourceSource."""
        largest = Largest()
        for entry in self._entries:
            largest.note(entry.own)
        return largest.ids

    def deletions(self) -> Sequence[BundleEntry]:
        """See ResourceSource."""
        return [entry for entry in self._entries if entry.method is Method.DELETE]

    def structure(self, context: ReadingContext, problems: Problems) -> Iterator[Sequence[BundleEntry]]:  # noqa: ARG002 - as the protocol has it
        """See ResourceSource."""
        yield self._of(*STRUCTURE_TYPES)

    def patients(
        self,
        context: ReadingContext,  # noqa: ARG002 - as above
        problems: Problems,  # noqa: ARG002 - as above
        news: News,  # noqa: ARG002 - as above
    ) -> Iterator[Sequence[BundleEntry]]:
        """See ResourceSource."""
        yield self._of("Patient")

    def encounters(
        self,
        context: ReadingContext,  # noqa: ARG002 - as above
        problems: Problems,  # noqa: ARG002 - as above
        news: News,  # noqa: ARG002 - as above
    ) -> Iterator[Sequence[BundleEntry]]:
        """See ResourceSource."""
        yield self._of("Encounter")

    def _of(self, *types: str) -> list[BundleEntry]:
        return [entry for entry in self._entries if entry.type in types and entry.method is not Method.DELETE]
