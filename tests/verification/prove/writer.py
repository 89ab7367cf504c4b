"""A process that writes: bursts of transactions, and silence in which exports are hits again."""

import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from time import monotonic

from verification.prove.bells import Ringer, ringer
from verification.prove.hands import Hand, hand
from verification.prove.history import Recorder, Write
from verification.prove.plan import Plan, wait_for_start
from verification.prove.registers import Change, Rows, Statement
from verification.prove.stamps import chosen

ROLLED_BACK = 0.12
PREPARED = 0.15
"""How many of the transactions are, the latter on PostgreSQL."""
REPLACED = 0.5
"""How many rows are written by REPLACE, of those that can, on SQLite."""


class Writer:
    """Writes, records what it wrote, and tells readers."""

    def __init__(self, plan: Plan, its_hand: Hand, recorder: Recorder, bell: Ringer) -> None:
        self._plan = plan
        self._hand = its_hand
        self._recorder = recorder
        self._bell = bell
        self._random: Random = plan.random("writer")
        self._rows = Rows(plan.number, self._random)
        self._seq = 0

    def begin(self) -> None:
        """Inserts the rows."""
        self._seq += 1
        self._transact(self._rows.first(self._seq), commit=True)

    def burst(self, until: float) -> None:
        """Writes one or two exports again and again."""
        focus = chosen(self._random, self._random.choice((1, 1, 2)))
        for _ in range(self._random.randint(2, 16)):
            if monotonic() > until:
                return
            self._seq += 1
            commit = self._random.random() >= ROLLED_BACK
            change = self._rows.next(self._random.choice(focus), self._seq)
            self._transact(change, commit=commit)
            if commit:
                self._bell.ring(change.changes)
            time.sleep(self._random.uniform(0.0, 0.06))

    def _transact(self, change: Change, *, commit: bool) -> None:
        is_sqlite = self._plan.database_url.startswith("sqlite:")
        statements = change.statements
        if is_sqlite:
            statements = list(map(self._replacing, statements))
        prepares = not is_sqlite and self._random.random() < PREPARED
        sent, done = self._hand.transact(statements, commit=commit, undone=change.undone, prepares=prepares)
        if commit:
            self._rows.committed(change)
        ways = change.ways | {"prepared"} if prepares else change.ways
        if any(statement.replaces for statement in statements):
            ways |= {"REPLACE"}
        written = Write(self._plan.number, self._seq, sent, done, commit, change.changes, tuple(sorted(ways)))
        self._recorder.add(written)

    def _replacing(self, statement: Statement) -> Statement:
        """Returns REPLACE in place of an UPDATE, or OR REPLACE with it, or the statement as it is."""
        if not statement.row or self._random.random() >= REPLACED:
            return statement
        if self._random.random() < 0.3:
            return statement._replace(replaces=True)
        return Statement(statement.table, {}, statement.row, replaces=True)


def main() -> None:
    """Writes until the time is over."""
    plan = Plan.given()
    with ExitStack() as stack:
        its_hand = stack.enter_context(hand(plan.number, plan.database_url))
        recorder = stack.enter_context(Recorder(plan.history("writer")))
        bell = stack.enter_context(ringer(Path(plan.directory), plan.readers, plan.random("bell")))
        writer = Writer(plan, its_hand, recorder, bell)
        writer.begin()
        until, random = wait_for_start(), plan.random("pauses")
        while monotonic() < until:
            writer.burst(until)
            time.sleep(random.uniform(0.1, 1.1))


if __name__ == "__main__":
    main()
