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
from verification.prove.stamps import Change, Rows, chosen

ROLLED_BACK = 0.12
"""How many of the transactions are."""


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
        sent, done = self._hand.transact(change.statements, commit=commit)
        if commit:
            self._rows.committed(change)
        self._recorder.add(Write(self._plan.number, self._seq, sent, done, commit, change.changes))


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
