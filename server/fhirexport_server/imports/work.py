"""Owns what the stages of one import share: the transaction, the EJ, what was found and what was done."""

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
    """How many resources there were of what became of them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    def clear(self) -> None:
        """Says that nothing became of any."""
        self.created = self.updated = self.unchanged = self.deleted = 0


@dataclass
class Work:
    """One import under way."""

    writing: Writing
    problems: Problems
    base_url: str
    ej: EjRow
    is_new: bool
    """Whether the EJ was made by this import."""
    is_atomic: bool
    """Whether one error refuses everything."""
    nowhere: AbstractSet[str] = frozenset()
    """Names, as `DraftOrigin.key`, that lead nowhere."""
    doubles: Doubles = field(default_factory=Doubles)
    counts: Counts = field(default_factory=Counts)
    now: int = field(default_factory=lambda: int(time.time()))
    """When it began, in epoch seconds: the same for all that it writes."""
    ipp_systems: set[str] = field(default_factory=set)
    """The systems in which the EJ numbers its patients."""
    systems: dict[str, str] = field(default_factory=dict)
    """The EJ's Identifier.system for each kind of number whose system is settled."""
    structure: StructureIndex = field(init=False)
    """Its units and places, once the stage of the structure is over."""

    def __post_init__(self) -> None:
        look = self.writing.look
        # No table has these: they are of no kind that a reference wants.
        self.writing.names.remember([(name, "", None) for name in self.nowhere])
        self.systems.update(look.namespaces(self.ej.id))
        if self.is_new:
            return
        self.ipp_systems.update(look.ipp_systems(self.ej.id))
        # A kind of number that is used already, without a row of its own, has the system that exports show.
        default = self._default_systems()
        for kind in Kind:
            if kind.namespaces and look.has_rows(kind, self.ej.id):
                for namespace in kind.namespaces:
                    self.systems.setdefault(namespace, default[namespace])

    @property
    def context(self) -> ReadingContext:
        """What resources are read with; it follows what the import settles."""
        clock = self.ej.time_zone
        return ReadingContext(
            self.base_url,
            self.systems,
            time_zone=clock,
            today=local_day(self.now, clock),
            ipp_systems=frozenset(self.ipp_systems),
        )

    def read(self, entries: Iterable[BundleEntry]) -> list[Draft]:
        """Reads the resources of entries; what is refused gives no draft."""
        context = self.context
        found = [draft(entry, context, self.problems) for entry in entries]
        return [one for one in found if one is not None]

    def settle_systems(self, systems: Sequence[tuple[str, str]], source: DraftOrigin) -> None:
        """Takes the systems of a draft's numbers for the EJ's own where those are not settled."""
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
        """Says why a resource cannot be written."""
        path = f"{source.path}.{at}" if at else source.path
        self.problems.tell(Severity.ERROR, source.entry, path, text)

    def refuse_request(self, entry: BundleEntry, text: str) -> None:
        """Says why what an entry asks for cannot be done."""
        at = "request.ifNoneExist" if entry.method is Method.POST else "request.url"
        self.refuse_entry(entry, at, text)

    def refuse_entry(self, entry: BundleEntry, at: str, text: str) -> None:
        """Says what is wrong with an element of an entry of a Bundle."""
        path = f"{entry.path.removesuffix('.resource')}.{at}"
        self.problems.tell(Severity.ERROR, entry.place, path, text)

    def learn_ipp_systems(self, identifiers: Iterable[PatientIdentifierDraft]) -> None:
        """Takes the systems of the patients' own numbers for the EJ's."""
        for one in identifiers:
            if (one.kind, one.use_code) == ("IPP", "usual") and len(self.ipp_systems) < _MOST_SYSTEMS:
                self.ipp_systems.add(one.system)

    def warn(self, source: DraftOrigin, at: str, text: str) -> None:
        """Says what becomes of something that a resource says."""
        self.problems.tell(Severity.WARNING, source.entry, f"{source.path}.{at}", text)

    def is_ej(self, ref: Ref) -> bool:
        """Whether a reference names the EJ that is imported into."""
        if ref.key is not None:
            named = self.writing.names.known((ref.key,)).get(ref.key)
            if named is not None:
                return named.kind == Kind.EJ
        finess = (FINESS_SYSTEM, self.ej.finess)
        if ref.own is not None:
            is_other = ref.identifier is not None and ref.identifier != finess
            return ref.own == (EJ, self.ej.id) and not is_other and not self.is_given(Kind.EJ, self.ej.id)
        return ref.identifier == finess

    def is_given(self, kind: Kind, number: int) -> bool:
        """Whether this import gave a row its id, which a reference that was sent cannot mean therefore."""
        return self.writing.ids.is_given(kind, number)

    def pass_over(self, kind: Kind, ids: Iterable[int]) -> None:
        """Makes the ids of new rows come after some that the import brings."""
        largest = max((number for number in ids if number <= LARGEST), default=0)
        if largest:
            self.writing.ids.pass_over(kind, largest)

    def kept(self, drafts: Iterable[D]) -> list[D]:
        """Returns the drafts that nothing was found against."""
        refused = self.problems.refused
        return [one for one in drafts if one.source.entry not in refused]

    def _default_systems(self) -> Mapping[str, str]:
        return EjContext(self.ej.id, self.base_url, self.ej.time_zone, {}, {}, {}).systems


def of_kind(kind: type[S], drafts: Iterable[Draft]) -> list[S]:
    """Returns the drafts of one kind."""
    return [one for one in drafts if isinstance(one, kind)]
