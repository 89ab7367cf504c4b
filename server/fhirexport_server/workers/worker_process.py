"""One worker, as its parent sees it."""

import asyncio
import socket
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from typing import Self

from fhirexport_server.workers.combined_metrics import ProcessMetrics
from fhirexport_server.workers.control import Control, Message, MessageKind


class WorkerProcess:
    """A process that was started, until it has ended. Make it with `start`."""

    def __init__(self, number: int, process: Process, control: Control) -> None:
        self.number = number
        """Its place, from 1 on. One that replaces it has the same."""
        self.pid = process.pid
        self.listening = asyncio.Event()
        """Set once it accepts calls."""
        self.serving = asyncio.Event()
        """Set once it has served exports."""
        self.metrics = ProcessMetrics()
        """Its metrics, as it told them last."""
        self._process = process
        self._control = control
        self._asked: asyncio.Future[None] | None = None
        self.ended: asyncio.Task[int] = asyncio.create_task(self._run(), name=f"worker-{number}")
        """Its exit status, or the signal that ended it, negative."""

    @classmethod
    async def start(cls, number: int, count: int, address: str) -> Self:
        """Start one of `count` workers: a new interpreter, which inherits nothing but its end of the channel.

        It gets a process group of its own, so that Ctrl-C in a terminal reaches the parent alone.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "fhirexport_server", "worker"),
                *("--number", str(number), "--of", str(count)),
                *("--address", address, "--control", str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
        return cls(number, process, await Control.over(ours))

    async def _run(self) -> int:
        try:
            while message := await self._control.receive():
                self._take(message)
            return await self._process.wait()
        finally:
            self._control.close()
            self._answered()

    def _take(self, message: Message) -> None:
        if message.kind is MessageKind.METRICS:
            self.metrics = ProcessMetrics.from_json(message.content)
            self._answered()
        elif message.kind is MessageKind.LISTENING:
            self.listening.set()
        elif message.kind is MessageKind.SERVING:
            self.serving.set()

    def _answered(self) -> None:
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(None)

    async def measured(self, patience: float) -> bool:
        """Ask for its metrics; return whether it answered in time. One that does not is not asked again."""
        if self.ended.done():
            return False
        if self._asked is None or self._asked.done():
            self._asked = asyncio.get_running_loop().create_future()
            self._control.send(Message(MessageKind.METRICS))
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await asyncio.shield(self._asked)
                return True
        return False

    def tell(self, kind: MessageKind) -> None:
        """Tell it to end, in one of the ways that there are."""
        if not self.ended.done():
            self._control.send(Message(kind))

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def until(self, event: asyncio.Event, patience: float | None = None) -> bool:
        """Wait until an event of it, its end, or for so many seconds; return whether the event came."""
        waiting = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({waiting, self.ended}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        return event.is_set() and not self.ended.done()
