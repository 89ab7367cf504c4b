"""Owns deciding which row a resource is: the one of its id, the one of its number, or a new one.

An id of our own form is kept when it is free or names the same thing already; otherwise the number
decides. An id of this EJ whose row has another number could be a mistake or another number for the same
thing: it is refused rather than guessed.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fhirexport_server.fhir.reading.drafts import Source
from fhirexport_server.fhir.reading.entries import Entry, Method
from fhirexport_server.imports.work import Work
from fhirexport_server.store.importing.ids import LARGEST

_OTHER: Final = (
    "must not be the id of another resource, with another number: leave the id out to create this one,"
    " or send the number that the resource has"
)
_EXISTS: Final = "must not be there yet: send it with PUT to change it"
_SEVERAL: Final = "must not hold the numbers of several resources that are there"
_TWICE: Final = "must not be the same resource as an earlier one of the import"
_OTHER_FOUND: Final = "must not hold the number of another resource than the one that the search finds"


class Claim(NamedTuple):
    """What a resource says of who it is, and which rows that leads to."""

    source: Source
    entry: Entry
    by_number: Sequence[int]
    """The rows of the EJ that have any of its numbers."""
    numbered: bool
    """Whether it has any number."""
    row_numbered: bool
    """Whether the row of its id has any number."""


class Who(NamedTuple):
    """What was decided, by entry."""

    ids: Mapping[int, int]
    """The row that each entry is, but for those that were refused."""
    new: frozenset[int]
    """The entries whose row does not exist yet."""
    left: frozenset[int]
    """The entries that were to be created only where nothing is found, and something was."""


def decide(
    work: Work,
    table: str,
    claims: Sequence[Claim],
    owners: Mapping[int, int],
    found: Mapping[int, int],
) -> Who:
    """Decides which rows some resources are; refuses those that cannot be told.

    Args:
        work: the import.
        table: where the rows are.
        claims: of each resource.
        owners: the EJ of each row that exists and whose id is claimed.
        found: what the searches of entries have found, by entry.
    """
    ids: dict[int, int] = {}
    unnamed: list[int] = []
    new: set[int] = set()
    for claim in claims:
        entry = claim.source.entry
        chosen = _choose(work, claim, owners, found.get(entry))
        if entry in work.problems.refused:
            continue
        if chosen is None:
            unnamed.append(entry)
        else:
            ids[entry] = chosen
        if chosen is None or (chosen not in owners and chosen not in claim.by_number and entry not in found):
            new.add(entry)
    ids.update(zip(unnamed, work.writing.ids.new(table, len(unnamed)), strict=True))
    _refuse_twice(work, table, ids, claims)
    left = {one.entry.place for one in claims if one.entry.method is Method.POST} & found.keys() & ids.keys()
    work.counts.unchanged += len(left)
    return Who(ids, frozenset(new), frozenset(left))


def _choose(work: Work, claim: Claim, owners: Mapping[int, int], searched: int | None) -> int | None:
    """Returns the row; None for a new one, whose id is still to be given."""
    by_number = set(claim.by_number)
    if claim.entry.method is Method.POST:
        if searched is None and by_number:
            work.refuse(claim.source, "identifier", _EXISTS)
        return searched
    if len(by_number) > 1:
        work.refuse(claim.source, "identifier", _SEVERAL)
    elif searched is not None and by_number - {searched}:
        work.refuse(claim.source, "identifier", _OTHER_FOUND)
    if searched is not None:
        return searched
    return by_number.pop() if by_number else _by_id(work, claim, owners)


def _by_id(work: Work, claim: Claim, owners: Mapping[int, int]) -> int | None:
    own = None if claim.source.own is None else claim.source.own.number
    if own is None or own > LARGEST or owners.get(own, work.ej.id) != work.ej.id:
        return None
    if own in owners and claim.numbered and claim.row_numbered:
        work.refuse(claim.source, "id", _OTHER)
    return own


def _refuse_twice(work: Work, table: str, ids: dict[int, int], claims: Sequence[Claim]) -> None:
    written = work.writing.names.written(table, list(ids.values()))
    seen: set[int] = set()
    for claim in claims:
        number = ids.get(claim.source.entry)
        if number is None:
            continue
        if number in written or number in seen:
            work.refuse(claim.source, "", _TWICE)
            del ids[claim.source.entry]
        seen.add(number)
