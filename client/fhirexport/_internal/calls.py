"""What goes with each call: metadata, and how long it may take."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TypedDict

MetadataItems = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]
Metadata = MetadataItems | Callable[[], MetadataItems]
"""What to send with each call, or a function that is asked for it each time, for tokens that expire."""

Token = str | Callable[[], str]
"""A bearer token, or a function that is asked for it each time, for tokens that expire."""

_SECRET = "authorization"  # noqa: S105 - the name of what holds one

_READABLE = "a token is not sent without TLS to another machine, where others could read it: use TLS"


class CallArguments(TypedDict):
    """What every method of a stub takes."""

    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True)
class Calls:
    """How a client makes its calls."""

    metadata: Metadata = field(default=(), repr=False)
    timeout: float | None = None
    """How long a call may take, in seconds, in place of the library's own limits."""
    confidential: bool = True
    """Whether nobody else can read what is sent."""
    token: Token | None = field(default=None, repr=False)
    """What to send as `authorization: Bearer …` with each attempt at a call."""

    def __post_init__(self) -> None:
        """Refuse what no call can be made with, before there is one."""
        if self.timeout is not None and self.timeout <= 0:
            raise ValueError("timeout must be more than 0 seconds")
        if not callable(self.metadata):
            # Any iterable, and it is read again for each call.
            object.__setattr__(self, "metadata", self._items(self.metadata))
        if self.token is not None:
            if not self.confidential:
                raise ValueError(_READABLE)
            if isinstance(self.token, str):
                bearer(self.token)

    def arguments(self, seconds: float | None = None) -> CallArguments:
        """Return the arguments of a method of a stub.

        Args:
            seconds: how long the call may take, unless the client has a timeout of its own.

        Raises:
            ValueError: a token would be sent for others to read.
        """
        timeout = seconds if self.timeout is None else self.timeout
        return CallArguments(timeout=timeout, metadata=self._metadata())

    def attempts(self) -> Callable[[], CallArguments]:
        """Return a function for the arguments of each attempt at a call; all attempts share one timeout."""
        end = None if self.timeout is None else monotonic() + self.timeout

        def arguments() -> CallArguments:
            timeout = None if end is None else max(0.0, end - monotonic())
            return CallArguments(timeout=timeout, metadata=self._metadata())

        return arguments

    def _metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        items = self._items(self.metadata() if callable(self.metadata) else self.metadata)
        if self.token is None:
            return items
        if any(key == _SECRET for key, _ in items):
            raise ValueError("give a token, or authorization among the metadata, not both")
        return (*items, (_SECRET, bearer(self.token() if callable(self.token) else self.token)))

    def _items(self, metadata: MetadataItems) -> tuple[tuple[str, str | bytes], ...]:
        pairs = metadata.items() if isinstance(metadata, Mapping) else metadata
        items = tuple((key.lower(), value) for key, value in pairs)
        if not self.confidential and any(key == _SECRET for key, _ in items):
            raise ValueError(_READABLE)
        return items


def bearer(token: str) -> str:
    """Return the header of a token.

    Raises:
        ValueError: it is none that a header can hold; it is not quoted.
    """
    if not token or not all(0x20 < ord(letter) < 0x7F for letter in token):  # noqa: PLR2004 - ASCII
        raise ValueError("a token must be of visible ASCII characters, without spaces or ends of lines")
    return f"Bearer {token}"


PLAIN = Calls()
"""Calls as the library makes them by itself."""
