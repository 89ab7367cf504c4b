"""Checks a history: finds what no export may show, in O(n log n). A pure function.

A writer's registers are its alone, and it writes them in one transaction after another, each of which also
stamps the anchor of every export that it touches. So the anchor says which transaction an export has come
to, and that in turn what every other register of this writer must hold.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate

from verification.prove.availability import unexcused
from verification.prove.history import ANCHOR, Comparison, Content, History, Read

State = Mapping[str, int]
"""What each register holds, by name."""


class Kind(StrEnum):
    """What can be wrong with a read."""

    STALE = "stale"
    """It lacks a write that was acknowledged before it started."""
    BACKWARDS = "backwards"
    """It lacks a write that an earlier read has shown."""
    TOO_STALE = "too stale"
    """It lacks a write that was acknowledged longer ago than it accepted."""
    AT_LEAST = "at least"
    """It lacks a write that the answer with its token had."""
    TORN = "torn"
    """It shows a part of a transaction, or registers of two."""
    NEVER_WRITTEN = "never written"
    ROLLED_BACK = "rolled back"
    UNCOMMITTED = "uncommitted"
    """It shows a write whose commit was sent only after it had ended."""
    FOREIGN = "foreign"
    """It shows rows of another export."""
    BYTES = "bytes"
    """Its etag has been that of other bytes, or of another layout."""
    REVISION = "revision"
    """Its revision has been that of another state."""
    DIFFERENT = "different"
    """Its text or its root is not that of the full rendering of its snapshot."""
    ETAG = "etag"
    """It is not modified, but not of the etag that was sent."""
    UNAVAILABLE = "unavailable"
    """It failed, and Redis is all that was broken."""


STALE_KINDS = (Kind.STALE, Kind.BACKWARDS, Kind.TOO_STALE, Kind.AT_LEAST)


@dataclass(frozen=True)
class Violation:
    """Something that may not be."""

    kind: Kind
    read: Read
    detail: str


@dataclass
class _Strand:
    """What one writer has written into one export, in order."""

    seqs: list[int] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    states: dict[int, State] = field(default_factory=dict)
    """What the registers hold after each transaction that was committed."""
    undone: set[int] = field(default_factory=set)

    def acknowledged(self, at: float) -> int:
        """Returns the last transaction whose commit had returned at a time; 0 for none."""
        index = bisect_right(self.done, at)
        return self.seqs[index - 1] if index else 0

    def sent_at(self, seq: int) -> float:
        return self.sent[bisect_left(self.seqs, seq)]


_Strands = Mapping[tuple[int, str], _Strand]


def check(history: History) -> list[Violation]:
    """Returns all that is wrong with a history, in the order in which its reads started."""
    strands = _strands(history)
    reads = sorted(history.reads, key=lambda read: read.start)
    answered = [read for read in reads if not read.failure]
    looks = {
        (digest, export): _Look(history.contents[digest], export, strands)
        for digest, export in {(read.digest, read.export) for read in answered}
        | {(read.basis, read.export) for read in answered if read.basis}
    }
    seen = _Seen(answered, looks)
    bytes_of, state_of = _Once(), _Once()
    fully = {comparison.etag: comparison for comparison in history.comparisons}
    found = [Violation(Kind.UNAVAILABLE, read, read.failure) for read in unexcused(reads, history.faults)]
    for read in answered:
        look = looks[read.digest, read.export]
        found += (Violation(kind, read, detail) for kind, detail in look.problems)
        found += _floors(read, look, looks, strands, seen)
        if not bytes_of.same(read.etag, (read.export, read.layout, read.digest)):
            found.append(Violation(Kind.BYTES, read, f"{read.etag} was {bytes_of[read.etag]}"))
        if not state_of.same(f"{read.export} {read.revision}", look.anchors):
            found.append(Violation(Kind.REVISION, read, "its revision has shown other stamps"))
        full = fully.get(read.etag)
        if full is not None:
            found += (Violation(Kind.DIFFERENT, read, detail) for detail in _differences(read, full))
        if read.not_modified and read.etag != read.condition:
            found.append(Violation(Kind.ETAG, read, f"{read.condition} was sent"))
    return sorted(found, key=lambda violation: violation.read.start)


def different(history: History) -> list[Comparison]:
    """Returns the comparisons in which what was brought up to date was not what a full rendering gives."""
    first: dict[str, Comparison] = {}
    return [
        comparison
        for comparison in history.comparisons
        if not comparison.is_same or first.setdefault(comparison.etag, comparison) != comparison
    ]


def compared(history: History) -> list[Read]:
    """Returns the answers whose snapshots were rendered in full beside what they were answered with."""
    etags = {comparison.etag for comparison in history.comparisons}
    return [read for read in history.reads if read.etag in etags]


def _differences(read: Read, full: Comparison) -> Iterator[str]:
    if read.digest != full.digest:
        yield f"its text is {read.digest}, in full {full.digest}"
    # With "not modified" there is no root, for there is no content.
    if not read.not_modified and read.root != full.root:
        yield f"its root is {read.root}, in full {full.root}"


class _Look:
    """What some bytes show of an export, whenever they were read."""

    def __init__(self, content: Content, export: str, strands: _Strands) -> None:
        self.problems: list[tuple[Kind, str]] = []
        self.anchors: dict[int, int] = {}
        """By writer: the last transaction that is there. Only those that were committed."""
        registers: dict[int, dict[str, set[int]]] = {
            writer: defaultdict(set) for writer, written in strands if written == export
        }
        for stamp in content.stamps:
            if stamp.export != export or stamp.writer not in registers:
                self.problems.append((Kind.FOREIGN, f"it shows {stamp}"))
            else:
                registers[stamp.writer][stamp.register].add(stamp.seq)
        for writer, held in registers.items():
            self._compare(writer, held, strands[writer, export])

    def _compare(self, writer: int, held: Mapping[str, set[int]], strand: _Strand) -> None:
        anchor = max(held.get(ANCHOR, ()), default=0)
        expected = strand.states.get(anchor)
        if expected is not None:
            self.anchors[writer] = anchor
        if not anchor:
            self.problems.append((Kind.TORN, f"nothing of writer {writer}"))
        elif anchor in strand.undone:
            self.problems.append((Kind.ROLLED_BACK, f"writer {writer}, transaction {anchor}"))
        elif expected is None:
            self.problems.append((Kind.NEVER_WRITTEN, f"writer {writer}, transaction {anchor}"))
        elif held != {register: {seq} for register, seq in expected.items()}:
            shown = {register: sorted(seqs) for register, seqs in held.items()}
            self.problems.append((Kind.TORN, f"writer {writer} has {shown} where {expected} belongs"))


class _Seen:
    """What had been shown to somebody at a time."""

    def __init__(self, answered: Sequence[Read], looks: Mapping[tuple[str, str], _Look]) -> None:
        shown: dict[tuple[int, str], list[tuple[float, int]]] = defaultdict(list)
        for read in sorted(answered, key=lambda read: read.end):
            for writer, anchor in looks[read.digest, read.export].anchors.items():
                shown[writer, read.export].append((read.end, anchor))
        self._ends = {strand: [end for end, _ in pairs] for strand, pairs in shown.items()}
        self._most = {
            strand: list(accumulate((anchor for _, anchor in pairs), max)) for strand, pairs in shown.items()
        }

    def before(self, writer: int, export: str, at: float) -> int:
        index = bisect_left(self._ends.get((writer, export), ()), at)
        return self._most[writer, export][index - 1] if index else 0


class _Once(dict[str, object]):
    """Remembers the first value of each name."""

    def same(self, name: str, value: object) -> bool:
        return self.setdefault(name, value) == value


def _floors(
    read: Read, look: _Look, looks: Mapping[tuple[str, str], _Look], strands: _Strands, seen: _Seen
) -> Iterator[Violation]:
    """Yields what is missing from an answer, or too early in it."""
    answer = "not modified" if read.not_modified else "answered"
    for writer, anchor in look.anchors.items():
        strand = strands[writer, read.export]
        if strand.sent_at(anchor) > read.end:
            yield Violation(Kind.UNCOMMITTED, read, f"writer {writer}, transaction {anchor}")
        for kind, floor in _demands(read, writer, looks, strand, seen):
            if anchor < floor:
                detail = f"{answer} with transaction {anchor} of writer {writer}, lacks {floor}"
                yield Violation(kind, read, detail)


def _demands(
    read: Read, writer: int, looks: Mapping[tuple[str, str], _Look], strand: _Strand, seen: _Seen
) -> Iterator[tuple[Kind, int]]:
    """Yields the transactions of a writer that the answer must have."""
    match read.mode:
        case "max_staleness":
            yield Kind.TOO_STALE, strand.acknowledged(read.start - read.bound)
        case "at_least":
            yield Kind.AT_LEAST, looks[read.basis, read.export].anchors.get(writer, 0)
        case _:
            yield Kind.STALE, strand.acknowledged(read.start)
            yield Kind.BACKWARDS, seen.before(writer, read.export, read.start)


def _strands(history: History) -> _Strands:
    strands: dict[tuple[int, str], _Strand] = defaultdict(_Strand)
    state: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for write in sorted(history.writes, key=lambda write: write.seq):
        for export, registers in write.changes.items():
            strand = strands[write.writer, export]
            if not write.committed:
                strand.undone.add(write.seq)
                continue
            now = state[write.writer, export]
            for register, present in registers.items():
                if present:
                    now[register] = write.seq
                else:
                    now.pop(register, None)
            strand.seqs.append(write.seq)
            strand.sent.append(write.sent)
            strand.done.append(write.done)
            strand.states[write.seq] = dict(now)
    return dict(strands)
