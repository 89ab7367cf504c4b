"""The stage of the structure: the EJ, its units and its places, all in memory."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from fhirexport_server.domain.rows import OrgUnitRow, PlaceRow
from fhirexport_server.fhir import ids
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.datatypes.references import Identifier, Ref
from fhirexport_server.fhir.reading.resources.drafts import Draft, EjDraft, OrgUnitDraft, PlaceDraft
from fhirexport_server.fhir.reading.together.directory import Directory
from fhirexport_server.fhir.reading.together.draft_names import Kinds
from fhirexport_server.fhir.reading.together.draft_rows import row
from fhirexport_server.fhir.rendering import projection
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.resolve import known_names
from fhirexport_server.imports.stages import legal_entity
from fhirexport_server.imports.stages.merging import columns, merged
from fhirexport_server.imports.stages.tree import UNKNOWN, Tree, Unknown
from fhirexport_server.imports.structure_index import StructureIndex
from fhirexport_server.imports.work import Work, of_kind

_EJ_OR_UNIT: Final[Kinds] = (EjDraft, OrgUnitDraft)
_UNIT: Final[Kinds] = (OrgUnitDraft,)
_PLACE: Final[Kinds] = (PlaceDraft,)
_UNIT_COLUMNS: Final = columns(OrgUnitRow, "parent_kind", "depth")
_PLACE_COLUMNS: Final = columns(PlaceRow, "parent_kind", "depth", "uf_kind")
_NOT_THE_EJ: Final = "must be the legal entity that is imported into, or one of its units"
_NO_UNIT: Final = "must name a unit of this legal entity, by id or by number, that is there or is imported"
_UNREADABLE: Final = "must have properties of the types that FHIR gives them"
_NO_PLACE: Final = "must name a place of this legal entity, by id or by number, that is there or is imported"


def run(work: Work, windows: Iterable[Sequence[BundleEntry]]) -> None:
    """Write the structure of an import."""
    look = work.writing.look
    units, places = look.units(work.ej.id), look.places(work.ej.id)
    entries: list[BundleEntry] = []
    drafts: list[Draft] = []
    seen = known_names.Seen()
    for window in windows:
        kept = known_names.distinct(work, window, seen=seen)
        drafts += work.read(kept)
        # The drafts are enough: the JSON need not stay in memory.
        entries += (entry._replace(resource=None) for entry in kept)
    if entries:
        for draft in drafts:
            if isinstance(draft, OrgUnitDraft | PlaceDraft):
                work.settle_systems(draft.systems, draft.source)
            elif not isinstance(draft, EjDraft):
                work.refuse(draft.source, "", _UNREADABLE)
        known_names.note_pairs(work, Directory(work.kept(drafts)).check(work.problems), entries)
        for ej_draft in of_kind(EjDraft, work.kept(drafts)):
            ej_entries = [entry for entry in entries if entry.place == ej_draft.source.entry]
            legal_entity.update(work, ej_draft, *ej_entries)
            known_names.remember(work, Kind.EJ, ej_entries, {ej_draft.source.entry: work.ej.id}, ids.ej_id)
        _Stage(work, entries, drafts, units=units, places=places).run()
    work.structure = StructureIndex(units, places, work.systems)


class _Stage:
    """Writes units and places, and updates `units` and `places` with them."""

    def __init__(
        self,
        work: Work,
        entries: Sequence[BundleEntry],
        drafts: Sequence[Draft],
        *,
        units: dict[int, OrgUnitRow],
        places: dict[int, PlaceRow],
    ) -> None:
        self._work = work
        self._entries = {entry.place: entry for entry in entries}
        self._directory = Directory(drafts)
        self._before = StructureIndex(units, places, work.systems)
        self._units = Tree(work, Kind.UNIT, units)
        self._places = Tree(work, Kind.PLACE, places)
        read = {draft.source.entry for draft in drafts}
        unread = {name for entry in entries if entry.place not in read for name in entry.names}
        self._unread = unread | work.nowhere
        self._unit_drafts = of_kind(OrgUnitDraft, drafts)
        self._place_drafts = of_kind(PlaceDraft, drafts)

    def run(self) -> None:
        """Decide which rows the drafts are, resolve their references, and write them."""
        search = self._search
        self._units.decide(self._unit_drafts, self._entries, search)
        self._places.decide(self._place_drafts, self._entries, search)
        while True:
            refused = len(self._work.problems.refused)
            units, members = self._imported_units()
            places = self._imported_places()
            self._units.refuse_cycles(units)
            self._places.refuse_cycles(places)
            # A resource that is refused may be one that others name: check again.
            if refused == len(self._work.problems.refused):
                break
        changed = self._changed_members(members)
        self._units.write(_UNIT_COLUMNS, units, changed)
        self._write_members(members, changed)
        self._places.write(_PLACE_COLUMNS, places)
        self._remember()

    def _remember(self) -> None:
        """Remember the names of units and places, and of what was refused."""
        work, units, places = self._work, self._units, self._places
        unit_entries, place_entries = set(units.entries), set(places.entries)
        entries = self._entries.values()
        known_names.remember(
            work,
            Kind.UNIT,
            [entry for entry in entries if entry.place in unit_entries],
            units.ids,
            lambda row_id: ids.unit_id(units.rows[row_id].kind, row_id),
        )
        known_names.remember(
            work,
            Kind.PLACE,
            [entry for entry in entries if entry.place in place_entries],
            places.ids,
            lambda row_id: ids.place_id(places.rows[row_id].kind, row_id),
        )
        unread = [
            entry
            for entry in entries
            if entry.place in work.problems.refused
            and entry.place not in unit_entries
            and entry.place not in place_entries
        ]
        known_names.remember(work, Kind.UNIT, unread, {}, str)

    def _imported_units(self) -> tuple[dict[int, OrgUnitRow], dict[int, set[int]]]:
        rows: dict[int, OrgUnitRow] = {}
        members: dict[int, set[int]] = {}
        for draft in self._work.kept(self._unit_drafts):
            if draft.source.entry in self._units.left:
                continue
            row_id = self._units.ids[draft.source.entry]
            parent = None if draft.parent is None else self._unit(draft.parent, _EJ_OR_UNIT)
            if parent is UNKNOWN:
                self._work.refuse(draft.source, draft.parent.at if draft.parent else "partOf", _NO_UNIT)
            member_refs = {self._unit(member, _UNIT): member for member in draft.members}
            for member in [member for unit_id, member in member_refs.items() if not isinstance(unit_id, int)]:
                self._work.refuse(draft.source, member.at, _NO_UNIT)
            existing = self._units.rows.get(row_id)
            imported = row(
                OrgUnitRow,
                draft,
                id=row_id,
                parent_id=parent if isinstance(parent, int) else None,
                parent_kind=None,
                depth=None,
            )
            rows[row_id] = (
                imported
                if existing is None
                else merged(existing, projection.unit(existing), imported, draft.unsaid, draft.partial)
            )
            members[row_id] = {unit_id for unit_id in member_refs if isinstance(unit_id, int)}
        return rows, members

    def _imported_places(self) -> dict[int, PlaceRow]:
        rows: dict[int, PlaceRow] = {}
        for draft in self._work.kept(self._place_drafts):
            if draft.source.entry in self._places.left:
                continue
            row_id = self._places.ids[draft.source.entry]
            parent = None if draft.parent is None else self._place(draft.parent)
            if parent is UNKNOWN:
                self._work.refuse(draft.source, draft.parent.at if draft.parent else "partOf", _NO_PLACE)
            uf = None if draft.uf is None else self._unit(draft.uf, _EJ_OR_UNIT)
            if uf is UNKNOWN:
                self._work.refuse(
                    draft.source, draft.uf.at if draft.uf else "managingOrganization", _NOT_THE_EJ
                )
            imported = row(
                PlaceRow,
                draft,
                id=row_id,
                parent_id=parent if isinstance(parent, int) else None,
                parent_kind=None,
                depth=None,
                uf_id=uf if isinstance(uf, int) else None,
                uf_kind=None,
            )
            existing = self._places.rows.get(row_id)
            rows[row_id] = (
                imported if existing is None else merged(existing, existing, imported, draft.unsaid)
            )
        return rows

    def _unit(self, ref: Ref, kinds: Kinds) -> int | Unknown | None:
        """Return the id of a unit; None for the EJ, UNKNOWN for anything else."""
        drafts = self._directory.find(ref, kinds)
        if ref.key in self._unread:
            return UNKNOWN
        if drafts:
            if isinstance(drafts[0], EjDraft):
                return None if EjDraft in kinds else UNKNOWN
            return self._agreed(self._units.id_of(drafts[0]), ref, self._before.units)
        if EjDraft in kinds and self._work.is_ej(ref):
            return None
        row_id = self._before.unit(ref.own, ref.identifier)
        return UNKNOWN if row_id is None else self._agreed(row_id, ref, self._before.units)

    @staticmethod
    def _agreed(
        target: int | Unknown, ref: Ref, with_number: Callable[[Identifier | None], Sequence[int]]
    ) -> int | Unknown:
        """Return the target of a reference; UNKNOWN if one of its numbers leads to others."""
        numbered = (with_number(ref.identifier), with_number(ref.also))
        return target if all(target in rows for rows in numbered if rows) else UNKNOWN

    def _place(self, ref: Ref) -> int | Unknown:
        """Return the id of a place; UNKNOWN for anything else."""
        drafts = self._directory.find(ref, _PLACE)
        if ref.key in self._unread:
            return UNKNOWN
        if drafts:
            return self._agreed(self._places.id_of(drafts[0]), ref, self._before.places)
        row_id = self._before.place(ref.own, ref.identifier)
        return UNKNOWN if row_id is None else self._agreed(row_id, ref, self._before.places)

    def _search(self, entry: BundleEntry) -> Sequence[int]:
        """Return the rows that an entry's search finds."""
        return (self._before.units if entry.type == "Organization" else self._before.places)(entry.search)

    def _changed_members(self, members: dict[int, set[int]]) -> set[int]:
        """Return the units whose attached units have changed."""
        before: dict[int, set[int]] = {}
        for parent, child in self._work.writing.look.members(self._work.ej.id):
            before.setdefault(parent, set()).add(child)
        return {unit for unit, children in members.items() if children != before.get(unit, set())}

    def _write_members(self, members: dict[int, set[int]], changed: set[int]) -> None:
        writing = self._work.writing
        writing.clear("org_member", "parent_id", [unit for unit in changed if unit not in self._units.new])
        rows = [
            (self._work.ej.id, unit, child) for unit in sorted(changed) for child in sorted(members[unit])
        ]
        writing.insert("org_member", ("ej_id", "parent_id", "child_id"), rows)
