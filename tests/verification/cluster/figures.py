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
    crashed: str = ""
    """Which process of the run did not end well, and how; what it had recorded until then counts."""

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

    def _who(self, who: str, *, bare: bool) -> Iterator[str]:
        """Yield how the calls of the library ended, or those of generated code alone.

        The latter are sent again by gRPC only until the first byte of an answer has come: a server that is
        killed then has them fail. The library begins such a call anew.
        """
        calls = [read for read in self.calls if read.text is bare]
        failed = [read for read in self.failed if read.text is bare]
        alone = [read for read in self.inexcusable if read.text is bare]
        done, excused = len(calls) - len(failed), len(failed) - len(alone)
        share = done / len(calls) if calls else 0.0
        yield f"calls by {who}, which knows all servers: {done:,} of {len(calls):,} answered ({share:.3%})"
        yield f"  {len(alone)} failed while there was a primary, {excused} while there was none"
        for reason, count in Counter(read.failure for read in alone).most_common():
            yield f"  {count:3} {reason}"

    def availability(self) -> Iterator[str]:
        """Yield how calls ended."""
        yield from self._who("the library", bare=False)
        yield from self._who("generated code", bare=True)


def lines(outcome: Outcome) -> Iterator[str]:
    """Yields what is worth knowing."""
    reads = outcome.history.reads
    writes = sum(write.committed for write in outcome.history.writes)
    yield f"{sum(outcome.faults.values())} faults in {outcome.seconds:.0f} s"
    for kind, count in sorted(outcome.faults.items()):
        yield f"  {count:3} {kind}"
    yield f"{len(reads):,} reads, {hit_ratio(outcome.history):.1%} without a rendering; {writes:,} writes"
    yield from outcome.availability()
    apart = sum(end - begun for begun, end in outcome.without)
    yield f"no primary for {apart:.1f} s in all, {len(outcome.without)} times"
    for kind, count in sorted(Counter(found.kind for found in outcome.wrong).items()):
        yield f"WRONG: {count} {kind}"
    for found in outcome.wrong[:10]:
        yield f"  {found.kind}: {found.detail} ({found.read.export} from door {found.read.server})"
    if outcome.crashed:
        yield f"CRASHED: {outcome.crashed}"
    yield f"STALE beside a former primary that nobody fenced: {stale(outcome.beside)}"
    yield f"STALE otherwise: {stale(outcome.broken)}, WRONG: {len(outcome.broken)}"
