"""Verifies a chain: which of its lines were changed, removed, moved, added or cut off."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fhirexport_server.audit import files
from fhirexport_server.audit.line_chain import fingerprint
from fhirexport_server.audit.lines import BEFORE_THE_FIRST, AuditLine, ChainLink
from fhirexport_server.audit.reading import FoundLine, Place, lines_of

_MOST_TRACED: Final = 100_000
"""How many missing lines of one gap are looked for elsewhere."""


@dataclass
class ChainVerdict:
    """What is known of one chain."""

    chain: str
    problems: list[str] = field(default_factory=list)
    """What is wrong, with the places. Empty where nothing is."""
    notes: list[str] = field(default_factory=list)
    """What is worth knowing, and not wrong."""
    lines: int = 0
    """How many lines agree with their hashes."""
    last: ChainLink = BEFORE_THE_FIRST
    """The last of them."""


def verify(
    directory: Path, chain: str, after: ChainLink | None = None, head: ChainLink | None = None
) -> ChainVerdict:
    """Verify a chain.

    Args:
        directory: Where its files are.
        chain: Its name.
        after: The last line before those that are here, where its files were taken elsewhere; None: the first
            line must be here.
        head: A line that was there at some time, as kept elsewhere. It must be there now.

    Raises:
        OSError: A file cannot be read.
    """
    verdict = ChainVerdict(chain)
    # First of all: a server may write meanwhile.
    heads = [("the file of the head", _kept_head(directory, verdict)), ("the head that was given", head)]
    known = [(name, link) for name, link in heads if link is not None]
    checked = _Checked(verdict, after or BEFORE_THE_FIRST, known)
    for found in lines_of(directory, chain):
        checked.take(found)
    checked.end()
    return verdict


def _kept_head(directory: Path, verdict: ChainVerdict) -> ChainLink | None:
    try:
        kept = files.read_head(files.head_path(directory, verdict.chain))
    except ValueError:
        verdict.problems.append(f"{verdict.chain}.head: is not the head of a chain")
        return None
    if kept is None:
        verdict.problems.append(f"{verdict.chain}.head: is not there, so that a cut-off end cannot be seen")
    return kept


class _Checked:
    """The lines of a chain, one after the other."""

    def __init__(
        self, verdict: ChainVerdict, after: ChainLink, heads: Sequence[tuple[str, ChainLink]]
    ) -> None:
        self._verdict = verdict
        self._after = after
        self._last = after.sequence
        """The largest number so far."""
        self._ends: list[tuple[Place | None, str]] = [(None, after.hash)]
        """The lines that have this number, by their hashes: one, unless lines were added."""
        self._missing: dict[int, Place] = {}
        """The numbers that were not met yet, with the line that came in their stead."""
        self._damaged: list[tuple[Place, dict[str, object], bool]] = []
        self._heads = heads

    def take(self, found: FoundLine) -> None:
        """Compare a line with those before it."""
        line = found.line
        if line is None:
            self._damaged.append((found.place, fingerprint(found.text), found.is_ended))
            return
        self._verdict.lines += 1
        number = line.link.sequence
        if number <= self._after.sequence:
            if number == self._after.sequence and line.link != self._after:
                self._wrong(found.place, f"is line {number}, and not the one that was given")
            return
        for name, head in self._heads:
            if head.sequence == number and head != line.link:
                self._wrong(found.place, f"is not the line {number} that {name} names")
        damaged = self._unexplained(line)
        if number > self._last:
            self._go_on(found.place, line, damaged)
            return
        for place in damaged:
            self._wrong(place, "was added")
        if self._missing.pop(number, None) is not None:
            self._wrong(found.place, f"line {number} is out of its place")
        elif number == self._last:
            self._ends.append((found.place, line.link.hash))
        else:
            self._wrong(found.place, f"was added: there is a line {number} already")

    def end(self) -> None:
        """Compare the end of the chain with what is known of it."""
        for place, _ in self._ends[1:]:
            self._wrong(place, f"was added: there is a line {self._last} already")
        furthest = max((head.sequence for _, head in self._heads), default=0)
        damaged, lost = self._damaged, furthest - self._last
        for place, _, is_ended in damaged:
            if is_ended or lost > 0:
                self._wrong(place, "was changed" if lost > 0 else "was added, or not written to its end")
            else:
                self._verdict.notes.append(f"{place}: was not written to its end; the next start says so")
        if lost > len(damaged):
            first = self._last + 1 + len(damaged)
            self._verdict.problems.append(f"{_numbers(first, furthest)} missing at the end")
        self._verdict.problems += [
            f"{_numbers(first, last)} missing before {place}" for first, last, place in self._gaps()
        ]
        self._verdict.last = ChainLink(self._last, self._ends[0][1])

    def _go_on(self, place: Place, line: AuditLine, damaged: Sequence[Place]) -> None:
        """Take a line with a larger number than all before it."""
        number = line.link.sequence
        missing = range(self._last + 1, number)
        for one in damaged[: len(missing)]:
            self._wrong(one, "was changed")
        for one in damaged[len(missing) :]:
            self._wrong(one, "was added")
        absent = missing[len(damaged) :]
        if len(absent) > _MOST_TRACED:
            self._verdict.problems.append(f"{_numbers(absent[0], absent[-1])} missing before {place}")
        else:
            self._missing.update((gone, place) for gone in absent)
        followed = [end for _, end in self._ends if end == line.previous]
        for end_place, end in self._ends:
            if missing or end in followed:
                continue
            if followed:
                self._wrong(end_place, f"was added: there is a line {self._last} already")
            elif end_place is None:
                self._wrong(place, "does not follow the line that it must")
            else:
                self._wrong(end_place, f"was replaced: {place} follows another one")
        self._last, self._ends = number, [(place, line.link.hash)]

    def _unexplained(self, line: AuditLine) -> Sequence[Place]:
        """Return the damaged lines before a line, but for those that it explains itself."""
        explained = line.fields.get("torn", ())
        places = []
        for place, shape, _ in self._damaged:
            if shape in explained:
                number = line.link.sequence
                self._verdict.notes.append(f"{place}: was not written to its end, as line {number} says")
            else:
                places.append(place)
        self._damaged = []
        return places

    def _gaps(self) -> Sequence[tuple[int, int, Place]]:
        """Return the missing numbers, those that follow each other as one."""
        gaps: list[tuple[int, int, Place]] = []
        for number, place in sorted(self._missing.items(), key=lambda item: item[0]):
            if gaps and gaps[-1][1] == number - 1 and gaps[-1][2] == place:
                gaps[-1] = (gaps[-1][0], number, place)
            else:
                gaps.append((number, number, place))
        return gaps

    def _wrong(self, place: Place | None, what: str) -> None:
        self._verdict.problems.append(f"{place}: {what}")


def _numbers(first: int, last: int) -> str:
    return f"line {first} is" if first == last else f"lines {first} to {last} are"
