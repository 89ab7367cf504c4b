"""What a run comes to: what was wrong, and how many calls came to nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from verification.prove.check import STALE_KINDS, Kind, Violation, check
from verification.prove.history import History, Read
from verification.prove.report import hit_ratio, stale

AFTER_SECONDS = 1.0
"""How long after there is a primary again a call may still come to nothing: as long as the pauses between the
client's last attempts."""


@dataclass(frozen=True)
class Outcome:
    """What happened."""

    history: History
    faults: Counter[str]
    without: Sequence[tuple[float, float]]
    """When there was no primary, from and to."""
    unfenced: Sequence[tuple[float, float]]
    """When a former primary went on beside the new one: who still has connections to it reads there."""
    seconds: float
    alone: int
    """How many servers there are; readers' doors of higher numbers lead to all of them."""

    @cached_property
    def beside(self) -> Sequence[Violation]:
        """Those of them that began beside a former primary: the exception that docs/never-stale.md names."""
        return [
            found
            for found in self.wrong
            if found.kind in STALE_KINDS
            and any(begun <= found.read.end and found.read.start <= end for begun, end in self.unfenced)
        ]

    @cached_property
    def broken(self) -> Sequence[Violation]:
        """What no read may show, whatever anybody does or leaves undone."""
        excepted = {id(found) for found in self.beside}
        return [found for found in self.wrong if id(found) not in excepted]

    @cached_property
    def wrong(self) -> Sequence[Violation]:
        """What no read may show. Which failures are excused is another question here than in `make prove`."""
        return [found for found in check(self.history) if found.kind is not Kind.UNAVAILABLE]

    @cached_property
    def calls(self) -> Sequence[Read]:
        """The calls of clients that know all servers."""
        return [read for read in self.history.reads if read.server >= self.alone]

    @cached_property
    def failed(self) -> Sequence[Read]:
        """Those of them that failed in spite of the client's retries."""
        return [read for read in self.calls if read.failure]

    @cached_property
    def inexcusable(self) -> Sequence[Read]:
        """Those of them that failed though there was a primary."""
        return [
            read
            for read in self.failed
            if not any(read.start <= end + AFTER_SECONDS and begun <= read.end for begun, end in self.without)
        ]


def lines(outcome: Outcome) -> Iterator[str]:
    """Yields what is worth knowing."""
    reads, calls = outcome.history.reads, outcome.calls
    writes = sum(write.committed for write in outcome.history.writes)
    yield f"{sum(outcome.faults.values())} faults in {outcome.seconds:.0f} s"
    for kind, count in sorted(outcome.faults.items()):
        yield f"  {count:3} {kind}"
    yield f"{len(reads):,} reads, {hit_ratio(outcome.history):.1%} without a rendering; {writes:,} writes"
    done = len(calls) - len(outcome.failed)
    share = done / len(calls) if calls else 0.0
    yield f"calls by clients that know all servers: {done:,} of {len(calls):,} answered ({share:.3%})"
    apart = sum(end - begun for begun, end in outcome.without)
    excused = len(outcome.failed) - len(outcome.inexcusable)
    yield f"  {len(outcome.inexcusable)} failed while there was a primary, {excused} while there was none"
    yield f"  no primary for {apart:.1f} s in all, {len(outcome.without)} times"
    for reason, count in Counter(read.failure for read in outcome.inexcusable).most_common():
        yield f"  {count:3} {reason}"
    for kind, count in sorted(Counter(found.kind for found in outcome.wrong).items()):
        yield f"WRONG: {count} {kind}"
    for found in outcome.wrong[:10]:
        yield f"  {found.kind}: {found.detail} ({found.read.export} from door {found.read.server})"
    yield f"STALE beside a former primary that nobody fenced: {stale(outcome.beside)}"
    yield f"STALE otherwise: {stale(outcome.broken)}, WRONG: {len(outcome.broken)}"
