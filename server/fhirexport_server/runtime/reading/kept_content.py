"""What is read again while the server runs: a good content is taken, a bad one refused and told once."""

from collections.abc import Callable
from typing import Generic, Literal, TypeVar

LoadOutcome = Literal["loaded", "refused"]
C = TypeVar("C")
T = TypeVar("T")


class KeptContent(Generic[C, T]):
    """The newest content that can be used, and what it means."""

    def __init__(
        self, found: C, parse: Callable[[C], T], problem: type[Exception], *, is_settled_only: bool = False
    ) -> None:
        """Take the first content.

        Args:
            found: The content. Contents are compared; one may also say that, and why, there is none.
            parse: Return what a content means, or raise `problem`.
            problem: Says that a content cannot be used.
            is_settled_only: Whether the half of a content may look as good as the whole, so that only what is
                found twice is taken. What is refused is not parsed again then.

        Raises:
            Exception: The `problem` with the first content.
        """
        self._parse = parse
        self._problem = problem
        self._is_settled_only = is_settled_only
        self._found = found
        self._half: C | None = None
        self._refused: C | None = None
        self.current = parse(found)
        """What the newest good content means."""

    @property
    def refusing(self) -> bool:
        """Whether what was found last cannot be used."""
        return self._refused is not None

    def offer(self, found: C) -> bool:
        """Take a content that was found if it is new and good; return whether it was taken.

        Contents may be written slowly: a bad one is refused when it is found for the second time.

        Raises:
            Exception: The `problem` with a content that is refused; once.
        """
        if found == self._found:
            self._half = self._refused = None
            return False
        was_there, self._half = found == self._half, found
        if self._is_settled_only and (not was_there or found == self._refused):
            return False
        try:
            current = self._parse(found)
        except self._problem:
            if was_there and found != self._refused:
                self._refused = found
                raise
            return False
        self.current, self._found, self._half, self._refused = current, found, None, None
        return True
