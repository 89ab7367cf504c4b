"""Runs the command `fhirexport` for a test, with pipes or on a terminal."""

import asyncio
import os
import pty
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from support.forked import Forked, fork
from support.server import PATIENCE

FHIREXPORT = Path(sys.executable).with_name("fhirexport")


def environment(address: str) -> dict[str, str]:
    """Returns the variables that the command runs with: nothing of ours but the server's address."""
    others = {
        name: value
        for name, value in os.environ.items()
        # A server in this process sets the latter for itself.
        if not name.startswith("FHIREXPORT_") and name != "GRPC_VERBOSITY"
    }
    return others | {"FHIREXPORT_ADDRESS": address, "COLUMNS": "120", "TERM": "xterm"}


async def fhirexport(address: str, *arguments: str | Path, stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Runs the command, with what is piped into it; returns its exit status, output and errors."""
    return await run((FHIREXPORT, *arguments), Path.cwd(), environment(address), stdin)


async def run(
    arguments: Sequence[str | Path],
    directory: Path,
    variables: Mapping[str, str],
    stdin: bytes = b"",
    *,
    output: int | None = PIPE,
    hurried: bool = False,
) -> tuple[int, bytes, str]:
    """Run one of our commands; return its exit status, output and errors.

    Args:
        arguments: What it is called by, and its arguments.
        directory: Where it runs.
        variables: Its environment.
        stdin: What is piped into it.
        output: The descriptor of its standard output, where that is not to be returned; None, to close it.
        hurried: Whether `fhirexport` gives up for a person's sake; if not, it is `support.patient`.
    """
    given, written, told = os.pipe(), os.pipe(), os.pipe()
    with (
        os.fdopen(given[1], "wb") as into,
        os.fdopen(written[0], "rb") as out,
        os.fdopen(told[0], "rb") as errors,
    ):
        theirs = (given[0], written[1], told[1])
        try:
            streams = (given[0], written[1] if output == PIPE else output, told[1])
            module = "" if hurried or arguments[0] != FHIREXPORT else "support.patient"
            process = await fork(arguments, directory, variables, streams, module)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        _, content, text = await asyncio.gather(
            asyncio.to_thread(_feed, into, stdin),
            asyncio.to_thread(out.read),
            asyncio.to_thread(errors.read),
        )
        return await process.wait(), content, text.decode()


def _feed(into: BinaryIO, content: bytes) -> None:
    with suppress(BrokenPipeError), into:
        into.write(content)


class Terminal:
    """A terminal that the command runs on."""

    def __init__(self, process: Forked, handle: int) -> None:
        self._process = process
        self._handle = handle
        self.shown = ""
        """Everything that was shown so far, with the terminal's control sequences."""

    async def until(self, text: str) -> None:
        """Waits until a text is shown that was not there before; forgets what was shown before it."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.shown:
                self.shown += (await asyncio.to_thread(self._read)).decode(errors="replace")
        self.shown = self.shown.partition(text)[2]

    def type(self, text: str) -> None:
        """Types something."""
        os.write(self._handle, text.encode())

    def interrupt(self) -> None:
        """Does what Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    async def ended(self) -> int:
        """Waits for the command to end; returns its exit status. What it still shows is in `shown`."""
        async with asyncio.timeout(PATIENCE):
            while more := await asyncio.to_thread(self._read):
                self.shown += more.decode(errors="replace")
            return await self._process.wait()

    def _read(self) -> bytes:
        try:
            return os.read(self._handle, 65_536)
        except OSError:  # what the end of a terminal is on Linux
            return b""


@asynccontextmanager
async def on_a_terminal(address: str, *arguments: str) -> AsyncIterator[Terminal]:
    """Runs the command on a terminal, until the end of the context."""
    ours, theirs = pty.openpty()
    try:
        process = await fork((FHIREXPORT, *arguments), Path.cwd(), environment(address), [theirs] * 3)
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    finally:
        os.close(ours)
