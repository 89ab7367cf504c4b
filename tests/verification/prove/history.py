"""The history of a run: what was written, read and broken, and when; and its file, one event a line.

Every time is of CLOCK_MONOTONIC, which the processes of one machine share, in seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

ANCHOR = "anchor"
"""The register that every transaction stamps, in each export that it touches."""


class Stamp(NamedTuple):
    """One mark that a writer left in a row, as an export shows it."""

    writer: int
    export: str
    """Whose row it is: `<ej_id>/<dataset>`."""
    register: str
    """Which row and column it is."""
    seq: int
    """Which transaction of the writer's left it."""


class Write(msgspec.Struct, frozen=True, tag="write"):
    """One transaction. A writer's transactions follow one another, with ascending `seq`."""

    writer: int
    seq: int
    sent: float
    """When the commit, or the rollback, was sent."""
    done: float
    """When it returned."""
    committed: bool
    changes: dict[str, dict[str, bool]]
    """By export and register: whether the register then holds `seq`, or nothing."""
    ways: tuple[str, ...] = ()
    """What was special about it, such as a two-phase commit."""


class Content(msgspec.Struct, frozen=True, tag="content"):
    """The stamps in some bytes, which are known by their digest."""

    digest: str
    stamps: tuple[Stamp, ...]


class Read(msgspec.Struct, frozen=True, tag="read"):
    """One export that was asked for, and what came of it."""

    reader: int
    server: int
    export: str
    layout: str
    """What else than the export shapes the bytes: the format and the detail."""
    mode: str
    """`strict`, `bypass`, `at_least` or `max_staleness`."""
    start: float
    end: float
    text: bool = False
    """Whether it came as text in one message, and not compressed in a stream."""
    pursuit: bool = False
    """Whether it was asked for because a commit had just returned, or Redis had been meddled with."""
    bound: float = 0.0
    """The `max_staleness`, in seconds."""
    basis: str = ""
    """The digest of the answer whose revision is the token of `at_least`."""
    condition: str = ""
    """The etag that was sent."""
    failure: str = ""
    """Why there is no answer; empty where there is one."""
    not_modified: bool = False
    digest: str = ""
    """Of the bytes that the reader then holds: with `not_modified`, those that it held before."""
    etag: str = ""
    revision: str = ""
    root: str = ""
    """The SHA-256 over the digests of its segments, as the server tells it."""
    source: str = ""
    cache_status: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.start


class Comparison(msgspec.Struct, frozen=True, tag="comparison"):
    """A rendering that was brought up to date, and a full one of the same snapshot."""

    etag: str
    """As answers have it."""
    is_same: bool
    """Whether both have the same segments: ids, counts, sizes and digests."""
    root: str
    """Of the full rendering."""
    digest: str
    """Of the bytes of the full rendering, as a reader's are digested."""


class Fallback(msgspec.Struct, frozen=True, tag="fallback"):
    """An export that could not be brought up to date, and was rendered in full."""

    dataset: str
    reason: str


class Fault(msgspec.Struct, frozen=True, tag="fault"):
    """One thing that was broken on purpose."""

    kind: str
    begun: float
    ended: float
    """When it was over: the process runs again, the limit is lifted."""
    server: int | None = None
    """The server that was killed."""


Event = Write | Content | Read | Comparison | Fallback | Fault


def digest(content: bytes) -> str:
    """Returns what stands for an export's bytes in a history."""
    return blake2b(content, digest_size=16).hexdigest()


@dataclass
class History:
    """All events of a run."""

    writes: list[Write] = field(default_factory=list)
    contents: dict[str, Content] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    fallbacks: list[Fallback] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "History":
        """Sorts events by what they are."""
        history = cls()
        for event in events:
            match event:
                case Write():
                    history.writes.append(event)
                case Content():
                    history.contents[event.digest] = event
                case Read():
                    history.reads.append(event)
                case Comparison():
                    history.comparisons.append(event)
                case Fallback():
                    history.fallbacks.append(event)
                case Fault():
                    history.faults.append(event)
        return history


class Recorder:
    """Writes events to a file as they happen: each at once, for its process may be killed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._encoder = msgspec.json.Encoder()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, event: Event) -> None:
        """Writes an event."""
        self._file.write(self._encoder.encode(event) + b"\n")


def recorded(paths: Iterable[Path]) -> Iterator[Event]:
    """Yields the events of files. A last line that is cut off is left out: its process has crashed."""
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Event)
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield decoder.decode(line)
