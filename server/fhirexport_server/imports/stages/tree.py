"""Owns what units and places have in common: numbers of a kind, one parent each, and no cycles."""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Final, Generic, TypeVar

from fhirexport_server.domain.rows import OrgUnitRow, PlaceRow
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.resources.drafts import Draft, OrgUnitDraft, PlaceDraft
from fhirexport_server.fhir.reading.together.draft_names import identifiers
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.resolve.identity import Claim, claimed_ids, decide
from fhirexport_server.imports.work import Work
from fhirexport_server.store.queries import DEEPEST


class Unknown(Enum):
    """What a reference leads to that leads nowhere."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
R = TypeVar("R", bound=OrgUnitRow | PlaceRow)
_SEVERAL: Final = "must find one resource, not several: name it by its id"
_CYCLE: Final = (
    f"must lead to the legal entity, by way of {DEEPEST - 1} others at most, and not back to itself"
)


class Tree(Generic[R]):
    """The units of an EJ, or its places: those that are there, and those of an import."""

    def __init__(self, work: Work, kind: Kind, rows: dict[int, R]) -> None:
        self._work = work
        self._kind = kind
        self.rows: dict[int, R] = rows
        """Those that are there, by id; after `write`, those of the import are among them."""
        self.ids: dict[int, int] = {}
        """The row of each entry that was not refused, by the entry's place."""
        self.new: frozenset[int] = frozenset()
        """The ids of rows that do not exist yet."""
        self.entries: list[int] = []
        """The places of all entries of this kind that could be read."""
        self.left: frozenset[int] = frozenset()
        """The entries that are there already and are not to be changed."""
        self._sources: dict[int, Draft] = {}

    def decide(
        self,
        drafts: Sequence[OrgUnitDraft | PlaceDraft],
        entries: Mapping[int, BundleEntry],
        search: Callable[[BundleEntry], Sequence[int]],
    ) -> None:
        """Decides which rows some drafts are."""
        by_number = {(one.kind, one.code): number for number, one in self.rows.items()}
        self.entries = [one.source.entry for one in drafts]
        kept = self._work.kept(drafts)
        claims, found = [], {}
        for one in kept:
            entry = entries[one.source.entry]
            number = by_number.get((one.kind, one.code))
            rows = search(entry)
            if len(rows) > 1:
                self._work.refuse_request(entry, _SEVERAL)
                continue
            is_searched = entry.search in identifiers(one)
            if rows:
                (found[entry.place],) = rows
                is_searched = is_searched and self.rows[rows[0]].kind == one.kind
            claims.append(Claim.of_one_number(one.source, entry, number, is_searched=is_searched))
        own = claimed_ids((one.source for one in kept), entries)
        owners = dict.fromkeys(self.rows, self._work.ej.id) | self._work.writing.look.owners(self._kind, own)
        who = decide(self._work, self._kind, claims, owners, found)
        self.ids.update(who.ids)
        self.left = who.left
        self.new = frozenset(who.ids[place] for place in who.new if place in who.ids)
        self._sources = {who.ids[one.source.entry]: one for one in kept if one.source.entry in who.ids}

    def id_of(self, draft: Draft) -> int | Unknown:
        """Returns the row of a draft; UNKNOWN where it was refused."""
        place = draft.source.entry
        return UNKNOWN if place in self._work.problems.refused else self.ids.get(place, UNKNOWN)

    def refuse_cycles(self, told: Mapping[int, R]) -> None:
        """Refuses what would not be below the EJ, or too deep."""
        above = {number: one.parent_id for number, one in self.rows.items()}
        above |= {number: one.parent_id for number, one in told.items()}
        depths: dict[int, int] = {}
        for start in above:
            way: list[int] = []
            at: int | None = start
            while at is not None and at not in depths and len(way) <= DEEPEST:
                way.append(at)
                at = above.get(at)
            # A way that has not ended after so many steps never does, or is too long.
            depth = depths[at] if at is not None and at in depths else (0 if at is None else DEEPEST + 1)
            for number in reversed(way):
                depth = depths[number] = depth + 1
        for number in told:
            if depths[number] > DEEPEST:
                self._work.refuse(self._sources[number].source, "partOf", _CYCLE)

    def write(self, columns: Sequence[str], told: Mapping[int, R], also: Collection[int] = ()) -> None:
        """Writes rows, parents before children.

        Args:
            columns: the row type's.
            told: the rows, by id.
            also: the ids of rows that count as changed whatever they say.
        """
        counts = self._work.counts
        created = [one for number, one in told.items() if number in self.new]
        changed = [one for number, one in told.items() if number not in self.new and one != self.rows[number]]
        touched = {row.id for row in changed} | {
            number for number in also if number in told and number not in self.new
        }
        counts.created += len(created)
        counts.updated += len(touched)
        counts.unchanged += len(told) - len(created) - len(touched)
        writing = self._work.writing
        values = [_values(each, columns) for each in _parents_first(created)]
        writing.insert(self._kind, ["ej_id", *columns], [[self._work.ej.id, *each] for each in values])
        writing.update(self._kind, columns, [_values(one, columns) for one in changed])
        self.rows.update(told)


def _parents_first(unordered: Sequence[R]) -> list[R]:
    rows = {row.id: row for row in unordered}
    done: dict[int, R] = {}
    for start in unordered:
        way: list[R] = []
        at: R | None = start
        while at is not None and at.id not in done:
            way.append(at)
            at = None if at.parent_id is None else rows.get(at.parent_id)
        for row in reversed(way):
            done[row.id] = row
    return list(done.values())


def _values(row: OrgUnitRow | PlaceRow, columns: Sequence[str]) -> list[object]:
    return [getattr(row, column) for column in columns]
