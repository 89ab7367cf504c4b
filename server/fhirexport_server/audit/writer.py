"""Writes the lines of many calls with one sync: while one is under way, the next ones gather."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from fhirexport_server.audit.line_chain import LineChain
from fhirexport_server.audit.lines import ChainLink, Fields, now

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

RETRY_SECONDS: Final = 0.5
"""How often a chain that could not be written to is tried again."""
_LINGER_SECONDS: Final = 0.1
"""How long a line that nobody waits for may wait for one that somebody does."""
_MOST_LINES: Final = 1000
"""How many lines are written at once, at most."""
_MOST_KEPT: Final = 10_000
"""How many lines that nobody waits for are kept while nothing can be written. The others are counted."""


Waiter = asyncio.Future[None]
"""Who waits for a line."""


class AuditUnwritableError(Exception):
    """A line is not on the disk for certain."""


@dataclass(frozen=True)
class WriterEvents:
    """What is told of the writer's work. Its thread calls them."""

    written: Callable[[int, float, ChainLink], None]
    """Lines are on the disk: how many, the seconds that it took, and the last one."""
    failed: Callable[[], None]
    """Lines could not be written."""
    told: Callable[[Sequence[Waiter], bool], None]
    """Those who waited for lines are told whether these are on the disk."""


class AuditWriter:
    """A thread that appends to a chain.

    What waits is bounded by the calls in progress: each has one line that it waits for, and the lines that
    nobody waits for are the ends of such calls, or limited by `refused_calls.py`.
    """

    def __init__(self, chain: LineChain, about: Fields, events: WriterEvents) -> None:
        """Make it.

        Args:
            chain: The chain, which is not open yet.
            about: What is written of this server when it starts.
            events: Is told of its work.
        """
        self._chain = chain
        self._about = about
        self._events = events
        self._waiting: deque[tuple[Fields, Waiter | None] | None] = deque()
        self._bell = threading.Event()
        """Rings for what waits, but for a line that nobody waits for while the thread lingers."""
        self._is_lingering = False
        self._kept: deque[Fields] = deque()
        self._lost = 0
        self._failing_since: str | None = None
        self._retry_at = 0.0
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    @property
    def is_writable(self) -> bool:
        """Whether the last attempt to write succeeded. Any thread may ask."""
        return self._failing_since is None

    def start(self) -> None:
        """Open the chain, and begin to write.

        Raises:
            ChainInUseError: Another server has it.
            OSError: It cannot be written.
        """
        self._chain.open({"time": now(), "event": "started", **self._about})
        self._thread.start()

    def put(self, fields: Fields, waiter: Waiter | None = None) -> None:
        """Have a line written.

        Args:
            fields: What it says.
            waiter: Is told once it is known whether it is on the disk. None: nobody waits for it.
        """
        self._waiting.append((fields, waiter))
        # To wake the thread takes longer than to write the line.
        if waiter is not None or not self._is_lingering:
            self._bell.set()

    def stop(self) -> None:
        """Write what waits, and a last line that says that the server has stopped."""
        if self._thread.is_alive():
            self._retry_at = 0.0
            self.put({"time": now(), "event": "stopped"})
            self._waiting.append(None)
            self._bell.set()
            self._thread.join()
        self._chain.close()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            batch, is_last = self._gathered()
            try:
                self._write([fields for fields, _ in batch])
                is_written = True
            except Exception as error:  # noqa: BLE001 - a bug lets nothing leave either, and ends no thread
                is_written = False
                self._note_failure(error, [fields for fields, waiter in batch if waiter is None])
            waiters = [waiter for _, waiter in batch if waiter is not None]
            if waiters:
                self._events.told(waiters, is_written)

    def _gathered(self) -> tuple[Sequence[tuple[Fields, Waiter | None]], bool]:
        """Return the lines to write now, and whether they are the last."""
        batch: list[tuple[Fields, Waiter | None]] = []
        is_last = self._take(batch)
        if not batch and not is_last:
            self._bell.wait(None if self.is_writable else RETRY_SECONDS)
            is_last = self._take(batch)
        if batch and not is_last and all(waiter is None for _, waiter in batch):
            self._is_lingering = True
            self._bell.wait(_LINGER_SECONDS if self.is_writable else RETRY_SECONDS)
            # Before it is looked for: what came without the bell is there.
            self._is_lingering = False
            is_last = self._take(batch)
        return batch, is_last

    def _take(self, batch: list[tuple[Fields, Waiter | None]]) -> bool:
        """Move what waits to a batch; return whether it is the last."""
        self._bell.clear()
        while self._waiting and len(batch) < _MOST_LINES:
            item = self._waiting.popleft()
            if item is None:
                return True
            batch.append(item)
        if self._waiting:
            self._bell.set()
        return False

    def _write(self, lines: Sequence[Fields]) -> None:
        began = time.monotonic()
        if self._failing_since is not None:
            if began < self._retry_at:
                raise AuditUnwritableError
            self._chain.open(
                {
                    "time": now(),
                    "event": "recovered",
                    "unwritable_since": self._failing_since,
                    "lost_lines": self._lost,
                }
            )
            self._failing_since, self._lost = None, 0
            _log.warning("audit_recovered", head=str(self._chain.head))
        if self._kept:
            lines = [*self._kept, *lines]
        if lines:
            self._chain.append(lines)
            self._kept.clear()
            self._events.written(len(lines), time.monotonic() - began, self._chain.head)

    def _note_failure(self, error: Exception, unawaited: Sequence[Fields]) -> None:
        """Note that nothing can be written, and keep the lines that nobody waits for until it can."""
        if not isinstance(error, AuditUnwritableError):
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self._events.failed()
            if self._failing_since is None:
                self._failing_since = now()
                cause = error.strerror if isinstance(error, OSError) else type(error).__name__
                _log.error("audit_unwritable", error=cause, effect="nothing is served")
        for fields in unawaited:
            if len(self._kept) < _MOST_KEPT:
                self._kept.append(fields)
            else:
                self._lost += 1
