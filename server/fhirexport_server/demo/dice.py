"""Owns chance: draws that depend on a seed and a number alone, on any machine and in any process."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """The draws for one patient.

    Only `random.random()` is used: it is the one method whose sequence Python promises to keep, and a
    text as seed goes through SHA-512, not through hash().
    """

    __slots__ = ("roll",)

    def __init__(self, seed: int, number: int) -> None:
        self.roll = random.Random(f"{seed}/{number}").random  # noqa: S311 - invented data, no secret

    def below(self, end: int) -> int:
        """Return one of 0 … end - 1, each as likely."""
        return int(self.roll() * end)

    def between(self, first: int, last: int) -> int:
        """Return one of first … last, each as likely."""
        return first + int(self.roll() * (last - first + 1))

    def chance(self, probability: float) -> bool:
        """Return True in this share of the draws."""
        return self.roll() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices, each as likely."""
        return choices[int(self.roll() * len(choices))]

    def pick_early(self, choices: Sequence[T]) -> T:
        """Return one of the choices, the first the likeliest."""
        roll = self.roll()
        return choices[int(roll * roll * len(choices))]
