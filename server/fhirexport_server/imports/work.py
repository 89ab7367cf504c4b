"""What the stages of one import share: the transaction, the EJ, problems and counts."""

import time
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, TypeVar

from fhirexport_server.domain.rows import EjRow
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry, Method
from fhirexport_server.fhir.reading.datatypes.dates.moments import local_day
from fhirexport_server.fhir.reading.datatypes.own_ids import EJ
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.resources.dispatch import draft
from fhirexport_server.fhir.reading.resources.drafts import (
    Draft,
    DraftOrigin,
    EjDraft,
    MovementDraft,
    OrgUnitDraft,
    PatientDraft,
    PatientIdentifierDraft,
    PlaceDraft,
    VenueDraft,
)
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM
from fhirexport_server.imports.doubles import Doubles
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.structure_index import StructureIndex
from fhirexport_server.store.importing.new_ids import LARGEST
from fhirexport_server.store.importing.writing import Writing

D = TypeVar("D", bound=Draft)
S = TypeVar("S", EjDraft, OrgUnitDraft, PlaceDraft, PatientDraft, VenueDraft, MovementDraft)
_MOST_SYSTEMS: Final = 64


@dataclass
class Counts:
    """Numbers of resources, by what became of them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    def clear(self) -> None:
        """Reset all numbers to zero."""
        self.created = self.updated = self.unchanged = self.deleted = 0


@dataclass
class Work:
    """An import under way."""

    writing: Writing
    problems: Problems
    base_url: str
    ej: EjRow
    is_new: bool
    """Whether this import created the EJ."""
    is_atomic: bool
    """Whether one error refuses everything."""
    nowhere: AbstractSet[str] = frozenset()
    """Names, as in `DraftOrigin.key`, that name nothing."""
    doubles: Doubles = field(default_factory=Doubles)
    counts: Counts = field(default_factory=Counts)
    now: int = field(default_factory=lambda: int(time.time()))
    """When it began, in epoch seconds: the same for everything that it writes."""
    ipp_systems: set[str] = field(default_factory=set)
    """The systems in which the EJ numbers its patients."""
    systems: dict[str, str] = field(default_factory=dict)
    """The EJ's Identifier.system for each kind of number whose system is known."""
    structure: StructureIndex = field(init=False)
    """The units and places of the EJ, after the stage of the structure."""

    def __post_init__(self) -> None:
        look = self.writing.look
        # They have no kind, so no reference finds them.
        self.writing.names.remember([(name, "", None) for name in self.nowhere])
        self.systems.update(look.namespaces(self.ej.id))
        if self.is_new:
            return
        self.ipp_systems.update(look.ipp_systems(self.ej.id))
        # Numbers that exist already, without a system of their own, have the system that exports show.
        default = self._default_systems()
        for kind in Kind:
            if kind.namespaces and look.has_rows(kind, self.ej.id):
                for namespace in kind.namespaces:
                    self.systems.setdefault(namespace, default[namespace])

    @property
    def context(self) -> ReadingContext:
        """The context to read resources in, with all that the import knows by now."""
        time_zone = self.ej.time_zone
        return ReadingContext(
            self.base_url,
            self.systems,
            time_zone=time_zone,
            today=local_day(self.now, time_zone),
            ipp_systems=frozenset(self.ipp_systems),
        )

    def read(self, entries: Iterable[BundleEntry]) -> list[Draft]:
        """Read the resources of entries; a refused one gives no draft."""
        context = self.context
        drafts = [draft(entry, context, self.problems) for entry in entries]
        return [read_draft for read_draft in drafts if read_draft is not None]

    def settle_systems(self, systems: Sequence[tuple[str, str]], source: DraftOrigin) -> None:
        """Make the systems of a draft's numbers the EJ's own, unless others are already."""
        for kind, system in systems:
            if kind not in self.systems:
                self.systems[kind] = system
                if system != self._default_systems()[kind]:
                    self.writing.insert(
                        "namespace", ("ej_id", "kind", "system"), [(self.ej.id, kind, system)]
                    )
            elif self.systems[kind] != system:
                self.refuse(source, "identifier", f"must have the system {self.systems[kind]}")

    def refuse(self, source: DraftOrigin, at: str, text: str) -> None:
        """Report an error in a resource, which is then not written."""
        path = f"{source.path}.{at}" if at else source.path
        self.problems.report(Severity.ERROR, source.entry, path, text)

    def refuse_request(self, entry: BundleEntry, text: str) -> None:
        """Report an error in the request of an entry."""
        at = "request.ifNoneExist" if entry.method is Method.POST else "request.url"
        self.refuse_entry(entry, at, text)

    def refuse_entry(self, entry: BundleEntry, at: str, text: str) -> None:
        """Report an error in an element of a Bundle's entry."""
        path = f"{entry.path.removesuffix('.resource')}.{at}"
        self.problems.report(Severity.ERROR, entry.place, path, text)

    def learn_ipp_systems(self, identifiers: Iterable[PatientIdentifierDraft]) -> None:
        """Add the systems of patients' IPPs to those of the EJ."""
        for identifier in identifiers:
            if (identifier.kind, identifier.use_code) == ("IPP", "usual") and len(
                self.ipp_systems
            ) < _MOST_SYSTEMS:
                self.ipp_systems.add(identifier.system)

    def warn(self, source: DraftOrigin, at: str, text: str) -> None:
        """Report a warning about a resource."""
        self.problems.report(Severity.WARNING, source.entry, f"{source.path}.{at}", text)

    def is_ej(self, ref: Ref) -> bool:
        """Return whether a reference names the EJ of the import."""
        if ref.key is not None:
            named = self.writing.names.known((ref.key,)).get(ref.key)
            if named is not None:
                return named.kind == Kind.EJ
        finess = (FINESS_SYSTEM, self.ej.finess)
        if ref.own is not None:
            is_other = ref.identifier is not None and ref.identifier != finess
            return ref.own == (EJ, self.ej.id) and not is_other and not self.is_given(Kind.EJ, self.ej.id)
        is_other = ref.also is not None and ref.also[0] == FINESS_SYSTEM and ref.also != finess
        return ref.identifier == finess and not is_other

    def is_given(self, kind: Kind, number: int) -> bool:
        """Return whether this import gave a row its id: then no reference can mean it."""
        return self.writing.ids.is_given(kind, number)

    def pass_over(self, kind: Kind, ids: Iterable[int]) -> None:
        """Give new rows ids that come after those in the import."""
        largest = max((number for number in ids if number <= LARGEST), default=0)
        if largest:
            self.writing.ids.pass_over(kind, largest)

    def kept(self, drafts: Iterable[D]) -> list[D]:
        """Return the drafts without errors."""
        refused = self.problems.refused
        return [kept for kept in drafts if kept.source.entry not in refused]

    def _default_systems(self) -> Mapping[str, str]:
        return EjContext(self.ej.id, self.base_url, self.ej.time_zone, {}, {}, {}).systems


def of_kind(kind: type[S], drafts: Iterable[Draft]) -> list[S]:
    """Return the drafts of one kind."""
    return [kept for kept in drafts if isinstance(kept, kind)]
