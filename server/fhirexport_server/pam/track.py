"""A property of a stay over time: its present value, and the spans of earlier values."""

from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Span(NamedTuple, Generic[T]):
    """A value and when it held, in epoch seconds; `end` is None if it still holds."""

    value: T
    start: int
    end: int | None


class Track(Generic[T]):
    """One property over time.

    Spans are in order and do not overlap. No span is empty, and adjacent spans have different values.
    """

    __slots__ = ("past", "since", "value")

    def __init__(self) -> None:
        self.value: T | None = None
        """The present value; None before the first one and in a gap."""
        self.since = 0
        """When the present value began, in epoch seconds."""
        self.past: list[Span[T]] = []

    def change(self, value: T | None, at: int) -> None:
        """Set the value from `at` on; `at` must not be before the last change."""
        if value == self.value:
            return
        past = self.past
        if self.value is not None and at > self.since:
            past.append(Span(self.value, self.since, at))
        self.value = value
        # A value that held for no time must not split the span around it.
        if past and past[-1].end == at and past[-1].value == value:
            self.since = past.pop().start
        else:
            self.since = at
