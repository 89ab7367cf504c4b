"""What was observed of the server while it was attacked, and what is to be said of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from verification.siege.plan import Answer, Sent

BUGS = ("INTERNAL", "UNKNOWN", "DATA_LOSS")


class Answers(msgspec.Struct, frozen=True):
    """How a well-behaved caller was answered in some time."""

    count: int
    p50: float
    """In seconds, as all times; of the calls that were answered well."""
    p99: float
    slowest: float
    failed: dict[str, int]
    """Those that were not, by their codes."""

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> "Answers":
        """Sum up answers."""
        seconds = sorted(answer.seconds for answer in answers if answer.code == "OK") or [0.0]
        failed = Counter(answer.code for answer in answers if answer.code != "OK")
        return cls(
            len(answers),
            seconds[len(seconds) // 2],
            seconds[len(seconds) * 99 // 100],
            seconds[-1],
            dict(failed),
        )


class Sample(NamedTuple):
    """How much memory the server had in use."""

    seconds: float
    """Since the siege began."""
    mib: float


class Memory(msgspec.Struct, frozen=True):
    """The server's resident memory during one attack and after it, in MiB."""

    begin: float
    most: float
    end: float
    """Once what was under way had ended, and the server had had the time to give memory back."""
    samples: list[Sample]


class Observed(msgspec.Struct, frozen=True):
    """One attack."""

    attack: str
    seconds: float
    sent: Sent
    exports: Answers
    health: Answers
    memory: Memory
    bugs: int
    """Calls that the server's metrics count as INTERNAL, UNKNOWN or DATA_LOSS."""
    log_errors: int
    """Lines of its log that tell of an error, or are none of its own."""
    messages: int
    """How many messages were to be sent at least."""


@dataclass(frozen=True)
class Bounds:
    """What must hold."""

    kept_mib: float = 64
    """By how much more memory than before the server may have in use after an attack."""
    most_mib: float = 768
    """How much memory it may have in use at any time: what an idle one has, the two rooms of BYTES_IN_FLIGHT,
    256 MiB each, and what two imports at once make of their messages."""
    slower: float = 3
    """How many times its quiet 99th percentile a well-behaved caller's may be."""
    health_seconds: float = 0.1


class Verdict(NamedTuple):
    """Whether one thing holds."""

    name: str
    holds: bool
    says: str
    is_timed: bool = False
    """Whether it depends on how fast the machine is, and on what else it does."""


def verdicts(observed: Observed, quiet: Answers, bounds: Bounds) -> list[Verdict]:
    """Return what must hold of one attack, and whether it does."""
    memory, exports, health, sent = observed.memory, observed.exports, observed.health, observed.sent
    kept = memory.end - memory.begin
    times = exports.p99 / quiet.p99 if quiet.p99 else 0.0
    seen = sum(sent.answers.get(code, 0) for code in BUGS)
    found = [
        Verdict("memory is given back", kept <= bounds.kept_mib, f"{kept:+.0f} MiB"),
        Verdict("memory is bounded", memory.most <= bounds.most_mib, f"{memory.most:.0f} MiB at most"),
        Verdict("callers are served", exports.count > 0 and not exports.failed, _failed(exports)),
        Verdict("health is told", health.count > 0 and not health.failed, _failed(health)),
        Verdict("no bug", not observed.bugs and not seen, f"{observed.bugs} counted, {seen} answered"),
        Verdict("no error in the log", not observed.log_errors, f"{observed.log_errors} lines"),
        Verdict("something was sent", sent.calls > 0, f"{sent.calls:,} calls"),
        Verdict(
            "callers are not held up", times <= bounds.slower, f"{times:.1f} x the quiet p99", is_timed=True
        ),
        Verdict(
            "health is told at once",
            health.slowest <= bounds.health_seconds,
            f"{health.slowest * 1000:.0f} ms at most",
            is_timed=True,
        ),
    ]
    if observed.messages:
        enough = sent.messages >= observed.messages
        says = f"{sent.messages:,} messages of {observed.messages:,}"
        found.append(Verdict("enough was sent", enough, says, is_timed=True))
    return found


def _failed(answers: Answers) -> str:
    if not answers.failed:
        return f"{answers.count:,} calls"
    return f"{answers.count:,} calls, of which failed {answers.failed}"
