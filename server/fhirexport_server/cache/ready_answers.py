"""Whole answers, ready to be sent, beside the descriptions of the renderings that they are made of."""

from collections import OrderedDict
from typing import Final

from fhirexport_server.cache.entry import Description, Variant

ANSWER_BYTES: Final = 600
"""What a kept answer takes beside its bytes."""


class ReadyAnswers:
    """Keeps answers by variant and form, bounded in bytes. It belongs to one event loop.

    An answer is given only for the very description that it was made of, so whoever asks has proven that
    description to be current first.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Make it without answers.

        Args:
            limit_bytes: How many bytes to keep at most; a single answer may take a quarter of them.
        """
        self._limit = limit_bytes
        self._kept: OrderedDict[tuple[Variant, str], tuple[Description, bytes]] = OrderedDict()
        self.used = 0
        """How many bytes they take."""

    def get(self, variant: Variant, form: str, description: Description) -> bytes | None:
        """Return the answer of a form, made of this description; None where none is kept."""
        kept = self._kept.get((variant, form))
        if kept is None or kept[0] is not description:
            return None
        self._kept.move_to_end((variant, form))
        return kept[1]

    def keep(self, variant: Variant, form: str, description: Description, answer: bytes) -> None:
        """Keep an answer in place of the former one, unless it is too large. The least recently used go."""
        self._drop(variant, form)
        size = ANSWER_BYTES + len(answer)
        if size > self._limit // 4:
            return
        self._kept[variant, form] = description, answer
        self.used += size
        while self.used > self._limit:
            self._drop(*next(iter(self._kept)))

    def drop(self, variant: Variant, forms: tuple[str, ...]) -> None:
        """Drop the answers of a variant."""
        for form in forms:
            self._drop(variant, form)

    def _drop(self, variant: Variant, form: str) -> None:
        former = self._kept.pop((variant, form), None)
        if former is not None:
            self.used -= ANSWER_BYTES + len(former[1])
