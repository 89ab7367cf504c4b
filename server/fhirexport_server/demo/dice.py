"""Random draws that depend only on a seed and a number, on any machine and in any process."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """The draws for one patient.

    They only use `random.random()`, the one method whose sequence Python promises to keep. A text as seed
    is hashed with SHA-512, not with hash().
    """

    __slots__ = ("roll",)

    def __init__(self, seed: int, number: int) -> None:
        self.roll = random.Random(f"{seed}/{number}").random  # noqa: S311 - invented data, no secret

    def below(self, end: int) -> int:
        """Return a number from 0 to end - 1, all equally likely."""
        return int(self.roll() * end)

    def between(self, first: int, last: int) -> int:
        """Return a number from first to last, all equally likely."""
        return first + int(self.roll() * (last - first + 1))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.roll() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices, all equally likely."""
        return choices[int(self.roll() * len(choices))]

    def pick_early(self, choices: Sequence[T]) -> T:
        """Return one of the choices; the first is the likeliest."""
        roll = self.roll()
        return choices[int(roll * roll * len(choices))]
