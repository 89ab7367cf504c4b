"""Prints the report of a run: how much happened, and whether anything was wrong."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from verification.prove.availability import slowest
from verification.prove.check import STALE_KINDS, Violation, compared, different
from verification.prove.history import History, Read
from verification.prove.plan import WRITERS


def hit_ratio(history: History) -> float:
    """Returns how many of the answers took no rendering, from 0 to 1."""
    answers = [read for read in history.reads if not read.failure]
    return sum("; hit" in read.cache_status for read in answers) / max(1, len(answers))


def stale(violations: Sequence[Violation]) -> int:
    """Returns how many answers lacked a write."""
    return len({id(found.read) for found in violations if found.kind in STALE_KINDS})


def tables(history: History, violations: Sequence[Violation], seconds: float) -> list[Table]:
    """Returns what is worth knowing of a run, as tables."""
    return [_reads(history), _events(history, violations, seconds)]


def _reads(history: History) -> Table:
    table = Table(title="Reads")
    for heading in ("consistency", "cache", "database", "not modified", "failed"):
        table.add_column(heading, justify="left" if heading == "consistency" else "right")
    counts: Counter[tuple[str, str]] = Counter()
    for read in history.reads:
        counts[read.mode, _outcome(read)] += 1
    for mode in sorted({mode for mode, _ in counts}):
        columns = ("cache", "database", "not modified", "failed")
        table.add_row(mode, *(f"{counts[mode, column]:,}" for column in columns))
    return table


def _outcome(read: Read) -> str:
    if read.failure:
        return "failed"
    return "not modified" if read.not_modified else read.source


def _events(history: History, violations: Sequence[Violation], seconds: float) -> Table:
    table = Table("what", "how much", title="Run")
    reads, pursuits = history.reads, sum(read.pursuit for read in history.reads)
    table.add_row("reads", f"{len(reads):,} ({len(reads) / seconds:.0f}/s)")
    table.add_row("… right after a commit or a fault", f"{pursuits:,}")
    table.add_row("… without a rendering", f"{hit_ratio(history):.1%}")
    table.add_row("… brought up to date", f"{sum('rendered=' in read.cache_status for read in reads):,}")
    table.add_row("… compared with a full rendering", f"{len(compared(history)):,}")
    table.add_row("brought up to date and compared", f"{len(history.comparisons):,}")
    wrong = len(different(history))
    table.add_row("… and found different", f"{wrong}", style="bold red" if wrong else "bold")
    for reason, count in sorted(Counter(fallback.reason for fallback in history.fallbacks).items()):
        table.add_row(f"rendered in full: {reason}", f"{count:,}")
    committed = sum(write.committed for write in history.writes)
    table.add_row("writes", f"{committed:,}")
    imported = sum(write.committed and write.writer == WRITERS for write in history.writes)
    table.add_row("… of them imported", f"{imported:,}")
    for way, count in sorted(Counter(way for write in history.writes for way in write.ways).items()):
        table.add_row(f"… with {way}", f"{count:,}")
    table.add_row("… and rolled back", f"{len(history.writes) - committed:,}")
    table.add_row("slowest answer while only Redis was broken", f"{slowest(reads, history.faults):.2f} s")
    table.add_row("faults", f"{len(history.faults)}")
    for kind, count in sorted(Counter(fault.kind for fault in history.faults).items()):
        table.add_row(f"… {kind}", f"{count}")
    for reason, count in sorted(Counter(read.failure for read in reads if read.failure).items()):
        table.add_row(f"failed: {reason}", f"{count}")
    for violation, count in sorted(Counter(found.kind for found in violations).items()):
        table.add_row(f"VIOLATION: {violation}", f"{count}", style="bold red")
    table.add_row("STALE", f"{stale(violations)}", style="bold")
    return table
