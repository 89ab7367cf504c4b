"""Decides which row a resource is: the one of its id, the one of its number, or a new one.

All names of a resource (its id, its numbers, what its search finds) must lead to the same row. An id of
this service's form is kept if it is free and the numbers are free too. What could be a mistake, or another
number for the same thing, is refused, not guessed (FHIR R4, RESTful API: 400). Ids of another form, of
another server or of another EJ name nothing here: the numbers decide.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Self

from fhirexport_server.fhir.reading.bundles.entries import BundleEntry, Method
from fhirexport_server.fhir.reading.datatypes.own_ids import OwnId
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin
from fhirexport_server.imports.doubles import line_of
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.work import Work
from fhirexport_server.store.importing.journal import Line
from fhirexport_server.store.importing.new_ids import LARGEST

_OTHER: Final = (
    "must not be the id of another resource, with another number: leave the id out to create this one,"
    " or send the number that the resource has"
)
_ANOTHER_ROW: Final = (
    "must be the id of the resource that has the number: leave the id out, or send the number of the resource"
    " with this id"
)
_OTHER_URL: Final = "must not be the URL of a resource that is there: POST creates another one"
_OTHER_THAN_FOUND: Final = "must be the id of the resource that the search finds, or be left out"
_EXISTS: Final = "must not be there yet: send it with PUT to change it"
_SEVERAL: Final = "must not hold the numbers of several resources that are there"
_TWICE: Final = "must not be the same resource as an earlier one of the import"
_OTHER_FOUND: Final = "must not hold the number of another resource than the one that the search finds"
_NOT_SEARCHED: Final = "must hold the number that the search names"


class Claim(NamedTuple):
    """The identity that a resource claims, and the rows to which that leads."""

    source: DraftOrigin
    entry: BundleEntry
    by_number: Sequence[int]
    """The rows of the EJ with any of its numbers."""
    numbered: bool
    """Whether it has any number."""
    row_numbered: bool
    """Whether the row of its id has numbers, and the resource has none of them."""
    is_searched: bool = False
    """Whether it has the number that its search names."""

    @classmethod
    def of_one_number(
        cls, source: DraftOrigin, entry: BundleEntry, row: int | None, *, is_searched: bool
    ) -> Self:
        """Return the claim of a resource that has exactly one number, as its row has.

        Args:
            source: The origin of the resource's draft.
            entry: Its entry.
            row: The row of the EJ with the number, if there is one.
            is_searched: Whether the entry's search names the number.
        """
        rows = () if row is None else (row,)
        return cls(source, entry, rows, numbered=True, row_numbered=True, is_searched=is_searched)


def claimed_ids(sources: Iterable[DraftOrigin], entries: Mapping[int, BundleEntry]) -> list[int]:
    """Return the row ids that resources claim, also those that POST ignores."""
    ids: set[int] = set()
    for source in sources:
        ignored = entries[source.entry].ignored
        ids.update(own.number for own in (source.own, ignored and ignored.own) if own is not None)
    return list(ids)


class Identities(NamedTuple):
    """The rows of resources, as decided, by entry."""

    ids: Mapping[int, int]
    """The row of each entry, except refused ones."""
    new: frozenset[int]
    """The entries whose rows do not exist yet."""
    left: frozenset[int]
    """Entries not to write: conditional creates whose search finds a row, and those of `repeated`."""
    repeated: frozenset[int] = frozenset()
    """The entries that repeat others which were written before."""


def decide(
    work: Work,
    kind: Kind,
    claims: Sequence[Claim],
    owners: Mapping[int, int],
    searched: Mapping[int, int],
) -> Identities:
    """Decide which rows resources are; refuse those for which it is not clear.

    Args:
        work: The import.
        kind: The kind of the rows.
        claims: The claim of each resource.
        owners: The EJ of each existing row whose id is claimed.
        searched: The row that the search of an entry has found, by entry.
    """
    ids: dict[int, int] = {}
    unnamed: list[int] = []
    new: set[int] = set()
    for claim in claims:
        entry = claim.source.entry
        chosen = _choose(work, claim, owners, searched.get(entry))
        if entry in work.problems.refused:
            continue
        if chosen is None:
            unnamed.append(entry)
        else:
            ids[entry] = chosen
        if chosen is None or (
            chosen not in owners and chosen not in claim.by_number and entry not in searched
        ):
            new.add(entry)
    ids.update(zip(unnamed, work.writing.ids.new(kind, len(unnamed)), strict=True))
    repeated = _refuse_twice(work, kind, ids, claims)
    left = (
        {claim.entry.place for claim in claims if claim.entry.method is Method.POST}
        & searched.keys()
        & ids.keys()
    )
    work.counts.unchanged += len(left)
    return Identities(ids, frozenset(new), frozenset(left | repeated), frozenset(repeated))


def _choose(work: Work, claim: Claim, owners: Mapping[int, int], searched: int | None) -> int | None:
    """Return the row; None if it is new and has no id yet, or if the resource is refused."""
    numbered = _numbered(work, claim)
    if claim.entry.search is not None:
        _check_search(work, claim, numbered, searched)
    row = numbered if searched is None else searched
    if claim.entry.method is Method.POST:
        _check_post(work, claim, owners, searched, row)
        return searched
    own = _own(work, claim.source.own, owners)
    if own is None:
        return row
    if row is None:
        if own.number in owners and claim.numbered and claim.row_numbered:
            work.refuse(claim.source, "id", _OTHER)
        return own.number if own.number <= LARGEST else None
    if own.number != row:
        work.refuse(claim.source, "id", _ANOTHER_ROW if searched is None else _OTHER_THAN_FOUND)
    return row


def _numbered(work: Work, claim: Claim) -> int | None:
    """Return the row to which the numbers lead, if any."""
    rows = set(claim.by_number)
    if len(rows) > 1:
        work.refuse(claim.source, "identifier", _SEVERAL)
    return next(iter(rows), None)


def _check_search(work: Work, claim: Claim, numbered: int | None, searched: int | None) -> None:
    """Refuse a search that names another resource than the numbers."""
    if searched is not None and numbered not in {None, searched}:
        work.refuse(claim.source, "identifier", _OTHER_FOUND)
    elif claim.numbered and not claim.is_searched and (searched is None or numbered is None):
        work.refuse(claim.source, "identifier", _NOT_SEARCHED)


def _check_post(
    work: Work, claim: Claim, owners: Mapping[int, int], searched: int | None, row: int | None
) -> None:
    """Refuse to create what exists, and names that belong to another resource."""
    if searched is None and row is not None:
        work.refuse(claim.source, "identifier", _EXISTS)
    named = _own(work, claim.source.own, owners)
    if named is not None and named.number in owners and named.number != searched:
        # With POST, the name is the fullUrl: the id of the resource is ignored.
        work.refuse_entry(claim.entry, "fullUrl", _OTHER_URL)
    ignored = _own(work, _ignored(claim.entry), owners)
    if searched is not None and ignored is not None and ignored.number in {*owners} - {searched}:
        work.refuse(claim.source, "id", _OTHER_THAN_FOUND)


def _ignored(entry: BundleEntry) -> OwnId | None:
    return None if entry.ignored is None else entry.ignored.own


def _own(work: Work, own: OwnId | None, owners: Mapping[int, int]) -> OwnId | None:
    """Return an id of this service's form, unless its row is another EJ's."""
    if own is None or owners.get(own.number, work.ej.id) != work.ej.id:
        return None
    return own


def _refuse_twice(work: Work, kind: Kind, ids: dict[int, int], claims: Sequence[Claim]) -> set[int]:
    """Refuse entries whose row was written before; return those with equal content, which are not."""
    seen: dict[int, Line | None] = work.writing.names.written(kind, list(ids.values()))
    repeated = set()
    for claim in claims:
        row_id, line = ids.get(claim.source.entry), line_of(claim.entry)
        if row_id is None:
            continue
        if row_id not in seen:
            seen[row_id] = line
            continue
        before = seen[row_id]
        if line is not None and before is not None and line.digest == before.digest:
            repeated.add(claim.source.entry)
            continue
        if line is not None and before is not None:
            work.doubles.contradict(line, before)
        work.refuse(claim.source, "", _TWICE)
        del ids[claim.source.entry]
    return repeated
