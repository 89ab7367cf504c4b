"""The log of changes in the model: what writes leave in it, and how a rendering is brought up to date."""

from typing import NamedTuple

from verification.model.state import Database, Entry, Scenario, Tag


class ChangeLog(NamedTuple):
    """The safeguards of the log. As designed it has them all."""

    logs_what_is_replaced: bool = True  # also rows that are deleted without a trigger of their own
    names_both_ends: bool = True  # the resource that a row leaves, and the one that it gets to
    is_proven: bool = True  # its rows account for the difference of two revisions; else they are believed
    proof_has_digest: bool = True  # which rows, not only how many
    has_positions: bool = True  # in the order of commits; else rows go by their ids
    context_is_compared: bool = True
    base_has_incarnation: bool = True  # else: a rendering of another life of the database is a base
    base_has_fingerprint: bool = True  # else: one of another exporter is

    def logged(self, database: Database, scenario: Scenario) -> tuple[int, ...]:
        """Return the writes that the log has a row of, in the order of commits."""
        if self.logs_what_is_replaced:
            return database.writes
        return tuple(write for write in database.writes if write not in scenario.replaces)

    def brought_up_to_date(
        self, base: Entry, stamp: Tag, database: Database, scenario: Scenario, *, pruned: int
    ) -> Database | None:
        """Return what is shown when a rendering is brought up to date; None where that may not be.

        Args:
            base: The rendering.
            stamp: The revision of the snapshot, with the fingerprint of who renders.
            database: What the snapshot shows.
            scenario: What the writes are.
            pruned: How many rows of the log are gone.
        """
        tag = base.tag
        if tag is None:
            return None
        if self.base_has_incarnation and tag.incarnation != stamp.incarnation:
            return None
        if self.base_has_fingerprint and tag.fingerprint != stamp.fingerprint:
            return None
        logged = self.logged(database, scenario)
        if self.has_positions:
            rows = logged[max(pruned, tag.rows) :]
        else:
            rows = tuple(write for write in logged[pruned:] if write > max(tag.digest, default=0))
        if self.is_proven and not self._proves(tag, rows, stamp):
            return None
        if self.context_is_compared and scenario.contexts.intersection(rows):
            return None
        return Database(base.shows.incarnation, _shown(base, self._named(rows, scenario), database))

    def _proves(self, tag: Tag, rows: tuple[int, ...], stamp: Tag) -> bool:
        """Return whether as many rows as the revisions differ by are there, and the very ones."""
        counts = len(rows) == stamp.rows - tag.rows
        return counts and (not self.proof_has_digest or stamp.digest == tag.digest | {*rows})

    def _named(self, rows: tuple[int, ...], scenario: Scenario) -> frozenset[int]:
        """Return the writes all of whose resources are named. A write of the context names none."""
        unnamed = scenario.contexts if self.names_both_ends else scenario.contexts | scenario.moves
        return frozenset(rows) - unnamed


def _shown(base: Entry, named: frozenset[int], database: Database) -> tuple[int, ...]:
    """Return the writes that show: what is named as the snapshot has it, everything else as before."""
    before = tuple(write for write in base.shows.writes if write not in named)
    return tuple(sorted({*before, *(write for write in database.writes if write in named)}))
