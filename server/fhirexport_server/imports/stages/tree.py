"""What units and places share: a number per kind, one parent each, and no cycles."""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Final, Generic, TypeVar

from fhirexport_server.domain.errors import WriteConflictError
from fhirexport_server.domain.rows import OrgUnitRow, PlaceRow
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.resources.drafts import Draft, OrgUnitDraft, PlaceDraft
from fhirexport_server.fhir.reading.together.draft_names import identifiers
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.resolve.same_rows import Claim, claimed_ids, decide
from fhirexport_server.imports.work import Work
from fhirexport_server.store.queries import DEEPEST


class Unknown(Enum):
    """The target of a reference that names nothing."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
R = TypeVar("R", bound=OrgUnitRow | PlaceRow)
_SEVERAL: Final = "must find one resource, not several: name it by its id"
_CYCLE: Final = (
    f"must lead to the legal entity, by way of {DEEPEST - 1} others at most, and not back to itself"
)


class Tree(Generic[R]):
    """The units or the places of an EJ: the existing ones, and those of an import."""

    def __init__(self, work: Work, kind: Kind, rows: dict[int, R]) -> None:
        self._work = work
        self._kind = kind
        self.rows: dict[int, R] = rows
        """The existing rows, by id; after `write`, also those of the import."""
        self.ids: dict[int, int] = {}
        """The row of each entry that was not refused, by the index of the entry."""
        self.new: frozenset[int] = frozenset()
        """The ids of rows that do not exist yet."""
        self.entries: list[int] = []
        """The indices of all entries of this kind that could be read."""
        self.left: frozenset[int] = frozenset()
        """The entries that exist already and must not be changed."""
        self._sources: dict[int, Draft] = {}

    def decide(
        self,
        drafts: Sequence[OrgUnitDraft | PlaceDraft],
        entries: Mapping[int, BundleEntry],
        search: Callable[[BundleEntry], Sequence[int]],
    ) -> None:
        """Decide which rows drafts are.

        Raises:
            WriteConflictError: Another writer has made one of them since the rows were read.
        """
        by_number = {(row.kind, row.code): row_id for row_id, row in self.rows.items()}
        self.entries = [draft.source.entry for draft in drafts]
        kept = self._work.kept(drafts)
        claims, searched = [], {}
        for draft in kept:
            entry = entries[draft.source.entry]
            row_id = by_number.get((draft.kind, draft.code))
            rows = search(entry)
            if len(rows) > 1:
                self._work.refuse_request(entry, _SEVERAL)
                continue
            is_searched = entry.search in identifiers(draft)
            if rows:
                (searched[entry.place],) = rows
                is_searched = is_searched and self.rows[rows[0]].kind == draft.kind
            claims.append(Claim.of_one_number(draft.source, entry, row_id, is_searched=is_searched))
        own = claimed_ids((draft.source for draft in kept), entries)
        owners = self._work.writing.look.owners(self._kind, own)
        if any(ej_id == self._work.ej.id and row_id not in self.rows for row_id, ej_id in owners.items()):
            raise WriteConflictError
        owners = dict.fromkeys(self.rows, self._work.ej.id) | owners
        identities = decide(self._work, self._kind, claims, owners, searched)
        self.ids.update(identities.ids)
        self.left = identities.left
        self.new = frozenset(identities.ids[place] for place in identities.new if place in identities.ids)
        self._sources = {
            identities.ids[draft.source.entry]: draft
            for draft in kept
            if draft.source.entry in identities.ids
        }

    def id_of(self, draft: Draft) -> int | Unknown:
        """Return the row of a draft; UNKNOWN if it was refused."""
        place = draft.source.entry
        return UNKNOWN if place in self._work.problems.refused else self.ids.get(place, UNKNOWN)

    def refuse_cycles(self, imported: Mapping[int, R]) -> None:
        """Refuse rows that would not be below the EJ, or too deep."""
        above = {row_id: row.parent_id for row_id, row in self.rows.items()}
        above |= {row_id: row.parent_id for row_id, row in imported.items()}
        depths: dict[int, int] = {}
        for start in above:
            path: list[int] = []
            node: int | None = start
            while node is not None and node not in depths and len(path) <= DEEPEST:
                path.append(node)
                node = above.get(node)
            # A path that has not ended after so many steps is a cycle, or too long.
            depth = (
                depths[node] if node is not None and node in depths else (0 if node is None else DEEPEST + 1)
            )
            for row_id in reversed(path):
                depth = depths[row_id] = depth + 1
        for row_id in imported:
            if depths[row_id] > DEEPEST:
                self._work.refuse(self._sources[row_id].source, "partOf", _CYCLE)

    def write(self, columns: Sequence[str], imported: Mapping[int, R], also: Collection[int] = ()) -> None:
        """Write rows, parents before children.

        Args:
            columns: The columns of the row type.
            imported: The rows to write, by id.
            also: The ids of rows that count as changed even if they are equal.
        """
        counts = self._work.counts
        created = [row for row_id, row in imported.items() if row_id in self.new]
        changed = [
            row for row_id, row in imported.items() if row_id not in self.new and row != self.rows[row_id]
        ]
        touched = {row.id for row in changed} | {
            row_id for row_id in also if row_id in imported and row_id not in self.new
        }
        counts.created += len(created)
        counts.updated += len(touched)
        counts.unchanged += len(imported) - len(created) - len(touched)
        writing = self._work.writing
        values = [_values(row, columns) for row in _parents_first(created)]
        writing.insert(
            self._kind, ["ej_id", *columns], [[self._work.ej.id, *row_values] for row_values in values]
        )
        writing.update(self._kind, columns, [_values(row, columns) for row in changed])
        self.rows.update(imported)


def _parents_first(unordered: Sequence[R]) -> list[R]:
    rows = {row.id: row for row in unordered}
    done: dict[int, R] = {}
    for start in unordered:
        path: list[R] = []
        node: R | None = start
        while node is not None and node.id not in done:
            path.append(node)
            node = None if node.parent_id is None else rows.get(node.parent_id)
        for row in reversed(path):
            done[row.id] = row
    return list(done.values())


def _values(row: OrgUnitRow | PlaceRow, columns: Sequence[str]) -> list[object]:
    return [getattr(row, column) for column in columns]
