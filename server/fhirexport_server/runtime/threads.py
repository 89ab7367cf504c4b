"""The threads that read the database, and how they are ended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.runtime.interrupt import Interrupt
from fhirexport_server.runtime.tasks import heard

T = TypeVar("T")
LOOKUP_THREADS = 4
CHANGE_THREADS = 2
SHORT_THREADS = LOOKUP_THREADS + CHANGE_THREADS
"""How many threads there are beside those of full renderings."""
LOOKUP_SECONDS = 5.0
GRACE_SECONDS = 1.0
"""How long a stopped thread may take to notice, before its connection is cut."""


class Run(Generic[T]):
    """A thread at work."""

    def __init__(self, thread: asyncio.Future[T], interrupt: Interrupt) -> None:
        self.thread = thread
        self._interrupt = interrupt
        heard(thread)

    def stop(self) -> None:
        """Ask the thread to end, and force it to after GRACE_SECONDS."""
        if self.thread.done():
            return
        self._interrupt.set()
        cut = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._interrupt.cut)
        self.thread.add_done_callback(lambda _: cut.cancel())


class Threads:
    """Three pools, so that nothing short waits behind what takes long.

    Renderings of everything take long, those of changes are short, look-ups are shortest.
    """

    def __init__(
        self, renderings: ThreadPoolExecutor, changes: ThreadPoolExecutor, lookups: ThreadPoolExecutor
    ) -> None:
        self._renderings = renderings
        self._changes = changes
        self._lookups = lookups
        self.runs: set[Run[Any]] = set()

    def render(self, work: Callable[[Interrupt], T]) -> Run[T]:
        """Start a rendering. The caller has to stop it."""
        return self._start(self._renderings, work)

    def render_changes(self, work: Callable[[Interrupt], T]) -> Run[T]:
        """Start a rendering of what has changed. The caller has to stop it."""
        return self._start(self._changes, work)

    def start_look_up(self, work: Callable[[Interrupt], T]) -> Run[T]:
        """Start a short read that ends by itself."""
        return self._start(self._lookups, work)

    async def look_up(self, work: Callable[[Interrupt], T], *, waited: float = 0.0) -> T:
        """Run a short read, and give up after LOOKUP_SECONDS.

        Args:
            work: The read.
            waited: How long its caller has waited already, in seconds.

        Raises:
            DatabaseUnavailableError: The read took too long.
        """
        run = self._start(self._lookups, work)
        try:
            async with asyncio.timeout(LOOKUP_SECONDS - waited):
                # Shielded, because the thread goes on until it notices the interrupt.
                return await asyncio.shield(run.thread)
        except TimeoutError:
            raise DatabaseUnavailableError from None
        finally:
            run.stop()

    async def stop(self) -> None:
        """Stop all running threads, and wait for them."""
        for run in list(self.runs):
            run.stop()
        await asyncio.gather(*(run.thread for run in self.runs), return_exceptions=True)

    def _start(self, pool: ThreadPoolExecutor, work: Callable[[Interrupt], T]) -> Run[T]:
        interrupt = Interrupt()
        run = Run(asyncio.get_running_loop().run_in_executor(pool, work, interrupt), interrupt)
        self.runs.add(run)
        run.thread.add_done_callback(lambda _: self.runs.discard(run))
        return run


@asynccontextmanager
async def open_threads(max_renderings: int) -> AsyncIterator[Threads]:
    """Open the pools. At the end, stop what still runs in them and wait for it."""
    renderings = ThreadPoolExecutor(max_renderings, thread_name_prefix="rendering")
    changes = ThreadPoolExecutor(CHANGE_THREADS, thread_name_prefix="changes")
    lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="lookup")
    threads = Threads(renderings, changes, lookups)
    try:
        yield threads
    finally:
        await threads.stop()
        for pool in (renderings, changes, lookups):
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)
