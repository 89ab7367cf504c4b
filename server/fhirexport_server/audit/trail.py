"""The audit trail as calls use it: nothing leaves before its line is on the disk."""

import asyncio
import itertools
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from fhirexport_server.audit.line_chain import LineChain
from fhirexport_server.audit.lines import ChainLink, Fields, now
from fhirexport_server.audit.refused_calls import RefusedCalls
from fhirexport_server.audit.writer import AuditWriter, Waiter, WriterEvents
from fhirexport_server.domain.errors import AuditUnavailableError

_FOLD_SECONDS: Final = 10.0
"""How often refused calls without lines of their own are told of."""


class AuditTrail:
    """Writes a line before a call has any effect, and one after it."""

    def __init__(
        self,
        directory: Path,
        name: str,
        loop: asyncio.AbstractEventLoop,
        *,
        file_bytes: int,
        version: str,
        written: Callable[[int, float, ChainLink], None],
        failed: Callable[[], None],
    ) -> None:
        """Make it.

        Args:
            directory: Where its files are; made where it is not there, but not its parents.
            name: The name of the chain.
            loop: Where calls wait for lines.
            file_bytes: From which size on a file is followed by a new one.
            version: The version of this server.
            written: Is told of lines on the disk: how many, the seconds that it took, and the last one.
            failed: Is told that lines could not be written.
        """
        self._directory = directory
        self._loop = loop
        self._refused = RefusedCalls()
        self._server = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self.chain = LineChain(directory, name, file_bytes)
        """What is written to."""
        about = {"version": version, "server": self._server}
        self._writer = AuditWriter(self.chain, about, WriterEvents(written, failed, self._tell))

    @property
    def is_writable(self) -> bool:
        """Whether the last attempt to write succeeded. Any thread may ask."""
        return self._writer.is_writable

    def start(self) -> None:
        """Begin to write.

        Raises:
            ChainInUseError: Another server has the chain.
            OSError: It cannot be written.
        """
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._writer.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        for line in self._refused.folded():
            self._writer.put(line)
        self._writer.stop()

    async def run(self) -> NoReturn:
        """Tell of folded refusals, for ever."""
        while True:
            await asyncio.sleep(_FOLD_SECONDS)
            for line in self._refused.folded():
                self._writer.put(line)

    def new_call(self) -> str:
        """Return what a call is called in its lines."""
        return f"{self._server}-{next(self._numbers)}"

    async def begun(self, fields: Fields) -> None:
        """Write that a call is about to have an effect, and wait until that is on the disk.

        Raises:
            AuditUnavailableError: It is not. The call must have no effect.
        """
        if not self._writer.is_writable:
            raise AuditUnavailableError
        waiter = self._loop.create_future()
        self._writer.put({"time": now(), "event": "begun", **fields}, waiter)
        await waiter

    def ended(self, fields: Fields) -> None:
        """Write how a call ended that had begun."""
        self._writer.put({"time": now(), "event": "ended", **fields})

    def refused(self, caller: str, reason: str, fields: Fields) -> None:
        """Write that a call was refused, or ended otherwise before it had any effect.

        Args:
            caller: Who made it; empty where that is not known.
            reason: Why.
            fields: What the line says.
        """
        if self._refused.has_line(caller, reason):
            self._writer.put({"time": now(), "event": "refused", **fields})

    def _tell(self, waiters: Sequence[Waiter], is_written: bool) -> None:  # noqa: FBT001 - the writer's signature
        self._loop.call_soon_threadsafe(_told, waiters, is_written)


def _told(waiters: Sequence[Waiter], is_written: bool) -> None:  # noqa: FBT001 - `call_soon` passes no names
    for waiter in waiters:
        if waiter.done():
            continue
        if is_written:
            waiter.set_result(None)
        else:
            waiter.set_exception(AuditUnavailableError())
