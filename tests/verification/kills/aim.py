"""When a server is killed in the middle of an import, and where in the import that was."""

import os
import random
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from verification.kills.watch import Phase, Watch

_LOOK_SECONDS = 0.0002
"""How long it is from one look at the database to the next."""
_PATIENCE = 120.0
_SEEN = 2 / 3
"""How many of the kills at the commit are made when it is seen; the others when it is due."""
_AROUND = 0.03
"""How far from the moment when the commit is due, as a share of the time from the first write to it."""
_EARLY = 0.6
"""Which part of the answer's way is aimed at: a kill comes a little after it is decided on."""


class Aim(StrEnum):
    """What a kill is aimed at."""

    ANY = "any moment"
    COMMIT = "the commit"
    ANSWER = "the answer on its way"


@dataclass(frozen=True)
class Course:
    """How long the parts of an import take, in seconds."""

    total: float
    commit: float
    """From the first write that others can see to the commit."""
    answer: float
    """From the commit that others can see to the answer."""

    @classmethod
    def typical(cls, courses: Sequence["Course"]) -> "Course":
        """Return what some have in the middle."""
        return cls(
            median(course.total for course in courses),
            median(course.commit for course in courses),
            median(course.answer for course in courses),
        )


@dataclass(frozen=True)
class Shot:
    """When to kill."""

    aim: Aim
    course: Course
    """How long the parts of an import take there."""
    dice: random.Random
    """What there is to chance."""


class Timer:
    """Watches one import from its beginning on."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._begun = time.monotonic()
        self._first: dict[Phase, float] = {Phase.NOTHING_WRITTEN: 0.0}
        self.phase = Phase.NOTHING_WRITTEN
        self.answered = threading.Event()
        """Set it when the answer has come."""

    def seconds(self) -> float:
        """Return how long it has taken so far."""
        return time.monotonic() - self._begun

    def look(self) -> Phase:
        """Look again; return how far it has come."""
        seen = Phase.ANSWERED if self.answered.is_set() else self._watch.look()
        self.phase = max(self.phase, seen)
        self._first.setdefault(self.phase, self.seconds())
        return self.phase

    def since(self, phase: Phase) -> float:
        """Return how long ago it had come so far, or farther; a negative number where it has not."""
        first = min((seconds for seen, seconds in self._first.items() if seen >= phase), default=None)
        return -1.0 if first is None else self.seconds() - first

    def course(self) -> Course:
        """Watch until the answer; return how long the parts took."""
        while self.look() < Phase.ANSWERED and self.seconds() < _PATIENCE:
            time.sleep(_LOOK_SECONDS)
        total, commit = self.since(Phase.NOTHING_WRITTEN), self.since(Phase.COMMITTED)
        return Course(total, self.since(Phase.WRITING) - commit, commit - self.since(Phase.ANSWERED))

    def kill(self, pid: int, shot: Shot) -> Phase:
        """Kill a process when an import is where the aim is; return how far that is seen to have come."""
        aim, course, dice = shot.aim, shot.course, shot.dice
        share, sees_it = dice.random(), dice.random() < _SEEN
        while self.look() < Phase.ANSWERED and self.seconds() < _PATIENCE:
            is_there = False
            match aim:
                case Aim.ANY:
                    is_there = self.seconds() >= share * course.total
                case Aim.COMMIT if sees_it:
                    is_there = self.phase >= Phase.COMMITTING
                case Aim.COMMIT:
                    due = (1 + (2 * share - 1) * _AROUND) * course.commit
                    is_there = self.phase >= Phase.COMMITTED or self.since(Phase.WRITING) >= due
                case Aim.ANSWER:
                    is_there = self.since(Phase.COMMITTED) >= share * _EARLY * course.answer
            if is_there:
                break
            time.sleep(_LOOK_SECONDS)
        os.kill(pid, signal.SIGKILL)
        return self.phase


def fell(phase: Phase, *, is_written: bool, is_acknowledged: bool) -> Phase:
    """Return where a kill fell, by the last look, which was a little before it, and by what there is now."""
    if is_acknowledged:
        return Phase.ANSWERED
    if is_written:
        return Phase.COMMITTED if phase >= Phase.COMMITTED else Phase.COMMITTING
    return min(phase, Phase.COMMITTING)
