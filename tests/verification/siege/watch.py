"""The server as it is seen from outside: its memory, what its metrics count, what its log tells."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import psutil
from support.metrics import read
from support.server import ServerProcess
from verification.siege.observed import Memory, Sample

_SECONDS = 0.05
"""How long it is from one look at the memory to the next."""
_CODES = ("Internal", "Unknown", "DataLoss")
_SETTLED_SECONDS = 2.0
_PATIENCE = 20.0
"""How long a server may take to give memory back, in seconds: it looks for garbage once a second."""


class Watch:
    """A server that is watched."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        process = psutil.Process(server.process.pid)
        self._processes = (process, *process.children(recursive=True))
        self._begun = monotonic()
        self.samples: list[Sample] = []

    def mib(self) -> float:
        """Return how much memory its processes use now."""
        return float(sum(process.memory_info().rss for process in self._processes)) / 1024**2

    async def run(self) -> None:
        """Look at the memory again and again, until cancelled."""
        while True:
            self.samples.append(Sample(round(monotonic() - self._begun, 2), round(self.mib(), 1)))
            await asyncio.sleep(_SECONDS)

    async def memory(self, first: int, begin: float, kept_mib: float) -> Memory:
        """Return the memory since a sample, once the server has had the time to give it back.

        Args:
            first: the number of the sample.
            begin: how much was in use then, in MiB.
            kept_mib: how much more is waited for to be in use.
        """
        ended = monotonic()
        await asyncio.sleep(_SETTLED_SECONDS)
        while (end := self.mib()) - begin > kept_mib and monotonic() - ended < _PATIENCE:
            await asyncio.sleep(_SECONDS)
        samples = self.samples[first:]
        return Memory(begin, max([end, *(sample.mib for sample in samples)]), end, samples)

    async def bugs(self) -> int:
        """Return how many calls have ended with INTERNAL, UNKNOWN or DATA_LOSS so far."""
        page = await read(self._server.metrics_address())
        codes = page.counted("grpc_server_handled_total", "grpc_method", "grpc_code")
        return int(sum(value for (_, code), value in codes.items() if code in _CODES))

    def log_errors(self) -> list[str]:
        """Return the lines of the log that tell of an error, or are none of the server's own."""
        return [line for line in self._server.log().splitlines() if _is_error(line)]


def _is_error(line: str) -> bool:
    try:
        return json.loads(line)["level"] in ("error", "critical")
    except (ValueError, KeyError, TypeError):
        return True


@asynccontextmanager
async def watched(server: ServerProcess) -> AsyncIterator[Watch]:
    """Watch a server."""
    watch = Watch(server)
    running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        running.cancel()
        await asyncio.wait({running})
