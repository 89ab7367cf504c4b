"""What is printed of a siege: one line for each attack, and what did not hold."""

from collections import Counter
from collections.abc import Iterator

from rich.table import Table
from verification.siege.observed import Answers, Bounds, Observed, verdicts
from verification.siege.siege import Siege

_ANSWERS_SHOWN = 3


def table(siege: Siege, bounds: Bounds) -> Table:
    """Return all that was observed, as a table."""
    table = Table(title="Siege")
    for heading in ("attack", "sent", "answered"):
        table.add_column(heading)
    for heading in ("p50 / p99 ms", "x quiet", "failed", "health ms", "MiB begin / most / end", "INTERNAL"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    quiet = siege.quiet
    table.add_row("(quiet)", "", "", _times(quiet), "1.0", f"{_failed(quiet)}", _slowest(siege.quiet_health))
    for observed in siege.attacks:
        found = [verdict for verdict in verdicts(observed, quiet, bounds) if not verdict.holds]
        memory, exports = observed.memory, observed.exports
        table.add_row(
            f"{observed.attack}, {observed.seconds:.0f} s",
            _sent(observed),
            _answered(observed),
            _times(exports),
            f"{exports.p99 / quiet.p99:.1f}" if quiet.p99 else "",
            f"{_failed(exports)} of {exports.count}",
            _slowest(observed.health),
            f"{memory.begin:.0f} / {memory.most:.0f} / {memory.end:.0f}",
            f"{observed.bugs}",
            "[bold red]fails[/]" if found else "holds",
        )
    return table


def failures(siege: Siege, bounds: Bounds) -> Iterator[str]:
    """Yield what did not hold, a line each."""
    for observed in siege.attacks:
        for verdict in verdicts(observed, siege.quiet, bounds):
            if not verdict.holds:
                yield f"{observed.attack}: not so: {verdict.name} ({verdict.says})"


def _times(answers: Answers) -> str:
    return f"{answers.p50 * 1000:.0f} / {answers.p99 * 1000:.0f}"


def _slowest(health: Answers) -> str:
    return f"{health.slowest * 1000:.0f}" + (f", {_failed(health)} failed" if health.failed else "")


def _failed(answers: Answers) -> int:
    return sum(answers.failed.values())


def _sent(observed: Observed) -> str:
    sent = observed.sent
    return f"{sent.messages:,} in {sent.calls:,} calls, {sent.size_bytes / 1e6:,.1f} MB"


def _answered(observed: Observed) -> str:
    common = Counter(observed.sent.answers).most_common(_ANSWERS_SHOWN)
    others = sum(observed.sent.answers.values()) - sum(count for _, count in common)
    shown = [f"{count:,} {code}" for code, count in common] + ([f"{others:,} others"] if others else [])
    return ", ".join(shown)
