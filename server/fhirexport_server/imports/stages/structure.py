"""Owns the stage of the structure: the EJ, its units and its places, all of which are held in memory."""

from collections.abc import Iterable, Sequence
from typing import Final

from fhirexport_server.domain.rows import OrgUnitRow, PlaceRow
from fhirexport_server.fhir import ids
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.datatypes.references import Ref
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
    """Writes the structure of an import."""
    look = work.writing.look
    units, places = look.units(work.ej.id), look.places(work.ej.id)
    entries: list[BundleEntry] = []
    drafts: list[Draft] = []
    seen = known_names.Seen()
    for window in windows:
        kept = known_names.distinct(work, window, seen=seen)
        drafts += work.read(kept)
        # What was read of them is enough to keep.
        entries += (entry._replace(resource=None) for entry in kept)
    if entries:
        for one in drafts:
            if isinstance(one, OrgUnitDraft | PlaceDraft):
                work.settle_systems(one.systems, one.source)
            elif not isinstance(one, EjDraft):
                work.refuse(one.source, "", _UNREADABLE)
        known_names.note_pairs(work, Directory(work.kept(drafts)).check(work.problems), entries)
        for told in of_kind(EjDraft, work.kept(drafts)):
            of_ej = [entry for entry in entries if entry.place == told.source.entry]
            legal_entity.update(work, told, *of_ej)
            known_names.remember(
                work,
                Kind.EJ,
                of_ej,
                {told.source.entry: work.ej.id},
                ids.ej_id,
            )
        _Stage(work, entries, drafts, units=units, places=places).run()
    work.structure = StructureIndex(units, places, work.systems)


class _Stage:
    """Writes units and places; `units` and `places` are brought to date."""

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
        read = {one.source.entry for one in drafts}
        unread = {name for entry in entries if entry.place not in read for name in entry.names}
        self._unread = unread | work.nowhere
        self._unit_drafts = of_kind(OrgUnitDraft, drafts)
        self._place_drafts = of_kind(PlaceDraft, drafts)

    def run(self) -> None:
        """Decides who is who, resolves what they name, and writes."""
        search = self._search
        self._units.decide(self._unit_drafts, self._entries, search)
        self._places.decide(self._place_drafts, self._entries, search)
        while True:
            refused = len(self._work.problems.refused)
            units, members = self._told_units()
            places = self._told_places()
            self._units.refuse_cycles(units)
            self._places.refuse_cycles(places)
            # What is refused can be what others need.
            if refused == len(self._work.problems.refused):
                break
        changed = self._changed_members(members)
        self._units.write(_UNIT_COLUMNS, units, changed)
        self._write_members(members, changed)
        self._places.write(_PLACE_COLUMNS, places)
        self._remember()

    def _remember(self) -> None:
        """Keeps under which names the units and places, and what was refused, are known."""
        work, units, places = self._work, self._units, self._places
        of_units, of_places = set(units.entries), set(places.entries)
        entries = self._entries.values()
        known_names.remember(
            work,
            Kind.UNIT,
            [one for one in entries if one.place in of_units],
            units.ids,
            lambda number: ids.unit_id(units.rows[number].kind, number),
        )
        known_names.remember(
            work,
            Kind.PLACE,
            [one for one in entries if one.place in of_places],
            places.ids,
            lambda number: ids.place_id(places.rows[number].kind, number),
        )
        unread = [
            one
            for one in entries
            if one.place in work.problems.refused and one.place not in of_units and one.place not in of_places
        ]
        known_names.remember(work, Kind.UNIT, unread, {}, str)

    def _told_units(self) -> tuple[dict[int, OrgUnitRow], dict[int, set[int]]]:
        told: dict[int, OrgUnitRow] = {}
        members: dict[int, set[int]] = {}
        for one in self._work.kept(self._unit_drafts):
            if one.source.entry in self._units.left:
                continue
            number = self._units.ids[one.source.entry]
            parent = None if one.parent is None else self._unit(one.parent, _EJ_OR_UNIT)
            if parent is UNKNOWN:
                self._work.refuse(one.source, one.parent.at if one.parent else "partOf", _NO_UNIT)
            attached = {self._unit(member, _UNIT): member for member in one.members}
            for member in [member for found, member in attached.items() if not isinstance(found, int)]:
                self._work.refuse(one.source, member.at, _NO_UNIT)
            existing = self._units.rows.get(number)
            wanted = row(
                OrgUnitRow,
                one,
                id=number,
                parent_id=parent if isinstance(parent, int) else None,
                parent_kind=None,
                depth=None,
            )
            told[number] = (
                wanted
                if existing is None
                else merged(existing, projection.unit(existing), wanted, one.unsaid, one.partial)
            )
            members[number] = {found for found in attached if isinstance(found, int)}
        return told, members

    def _told_places(self) -> dict[int, PlaceRow]:
        told: dict[int, PlaceRow] = {}
        for one in self._work.kept(self._place_drafts):
            if one.source.entry in self._places.left:
                continue
            number = self._places.ids[one.source.entry]
            parent = None if one.parent is None else self._place(one.parent)
            if parent is UNKNOWN:
                self._work.refuse(one.source, one.parent.at if one.parent else "partOf", _NO_PLACE)
            uf = None if one.uf is None else self._unit(one.uf, _EJ_OR_UNIT)
            if uf is UNKNOWN:
                self._work.refuse(one.source, one.uf.at if one.uf else "managingOrganization", _NOT_THE_EJ)
            wanted = row(
                PlaceRow,
                one,
                id=number,
                parent_id=parent if isinstance(parent, int) else None,
                parent_kind=None,
                depth=None,
                uf_id=uf if isinstance(uf, int) else None,
                uf_kind=None,
            )
            existing = self._places.rows.get(number)
            told[number] = wanted if existing is None else merged(existing, existing, wanted, one.unsaid)
        return told

    def _unit(self, ref: Ref, kinds: Kinds) -> int | Unknown | None:
        """Returns a unit's id, None for the EJ, UNKNOWN for neither."""
        found = self._directory.find(ref, kinds)
        if ref.key in self._unread:
            return UNKNOWN
        if found:
            if isinstance(found[0], EjDraft):
                return None if EjDraft in kinds else UNKNOWN
            return self._agreed(self._units.id_of(found[0]), self._before.units(ref.identifier))
        if EjDraft in kinds and self._work.is_ej(ref):
            return None
        number = self._before.unit(ref.own, ref.identifier)
        return UNKNOWN if number is None else number

    @staticmethod
    def _agreed(found: int | Unknown, numbered: Sequence[int]) -> int | Unknown:
        """Returns what a reference leads to, unless its number leads to others."""
        return found if not numbered or found in numbered else UNKNOWN

    def _place(self, ref: Ref) -> int | Unknown:
        """Returns a place's id, or UNKNOWN."""
        found = self._directory.find(ref, _PLACE)
        if ref.key in self._unread:
            return UNKNOWN
        if found:
            return self._agreed(self._places.id_of(found[0]), self._before.places(ref.identifier))
        number = self._before.place(ref.own, ref.identifier)
        return UNKNOWN if number is None else number

    def _search(self, entry: BundleEntry) -> Sequence[int]:
        """Returns the rows that an entry's search finds."""
        return (self._before.units if entry.type == "Organization" else self._before.places)(entry.search)

    def _changed_members(self, members: dict[int, set[int]]) -> set[int]:
        """Returns the units whose attachments are others than before."""
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
