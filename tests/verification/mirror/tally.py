"""What came of bringing mirrors up to date."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

LONGEST_PAUSE: Final = 10.0
"""How long what goes by the number of syncs waits for them at most, in seconds: they may wait for it."""


@dataclass
class Tally:
    """What came of the syncs."""

    syncs: int = 0
    whole: int = 0
    """Those that ended with a copy, new or as it was, of the state that they were told."""
    changed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Those that ended with an error and left the copy, by error."""
    mended: Counter[str] = field(default_factory=Counter)
    interrupted: int = 0
    """Those whose changes were offered and not handled."""
    killed: int = 0
    """Those whose program was killed."""
    compared: int = 0
    """How many copies were compared with a full export."""
    changes: int = 0
    """How many upserts and tombstones were compared with the difference of two full exports."""
    received: int = 0
    listed: int = 0
    """How many segments were sent, and of how many the copies consist."""
    kills: int = 0
    flushes: int = 0
    cuts: int = 0
    states: int = 0
    wrong: list[str] = field(default_factory=list)
    """What must not be."""

    async def further(self, syncs: int) -> None:
        """Wait until so many more syncs have begun.

        So what is broken and written goes by the syncs, and a busy machine does not start servers alone.
        """
        goal, latest = self.syncs + syncs, time.monotonic() + LONGEST_PAUSE
        while self.syncs < goal and time.monotonic() < latest:
            await asyncio.sleep(0.02)

    def __str__(self) -> str:
        failed = ", ".join(f"{name} {count}" for name, count in sorted(self.failed.items()))
        mended = ", ".join(f"{name} {count}" for name, count in sorted(self.mended.items()))
        return (
            f"{self.syncs} syncs, {self.states} states: {len(self.wrong)} wrong;"
            f" {self.whole} ended whole, {self.changed} changed the copy;"
            f" {self.compared} copies and {self.changes} changes compared;"
            f" {self.received} of {self.listed} segments sent; mended: {mended or 'none'};"
            f" failed and left it: {failed or 'none'}; {self.interrupted} not handled,"
            f" {self.killed} programs killed; {self.kills} servers killed,"
            f" {self.flushes} times Redis emptied, {self.cuts} connections cut"
        )
