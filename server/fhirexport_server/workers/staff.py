"""The workers of one server: one in each place, and those that leave."""

import asyncio
from time import monotonic
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from fhirexport_server.runtime.tasks import together
from fhirexport_server.workers.combined_metrics import ProcessMetrics, combined
from fhirexport_server.workers.control import MessageKind
from fhirexport_server.workers.worker_metrics import Restart, WorkerMetrics
from fhirexport_server.workers.worker_process import WorkerProcess

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

MOST_DEATHS: Final = 5
"""How many workers may die in a row, each soon after its start, before the server gives up."""
SOON_SECONDS: Final = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""How long to wait before a worker that died soon is started again. The pause doubles each time."""
REPLACING_SECONDS: Final = 60.0
"""How long a worker may take to serve that is to replace one that does."""
ENDING_SECONDS: Final = 10.0
"""How much longer than the grace workers may take to end, before they are killed."""
METRICS_SECONDS: Final = 2.0
"""How long a worker may take to send its metrics."""
POLL_SECONDS: Final = 15.0
"""How often workers are asked for their metrics, so that little is lost of one that is killed.

Each time takes some milliseconds of the processor, of every process.
"""


class WorkersFailingError(Exception):
    """Workers die again and again, or cannot be started. It has the status to exit with."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Staff:
    """The workers of one server."""

    def __init__(self, count: int, address: str, grace: float) -> None:
        """Make one without workers.

        Args:
            count: How many there shall be.
            address: Where they listen, with the actual port.
            grace: How long the calls of one that is replaced may take to end, in seconds.
        """
        self._grace = grace
        self._count = count
        self._address = address
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # this process is one of the server's
        self._metrics = WorkerMetrics(self._registry, wanted=count)
        self._in_place: dict[int, WorkerProcess] = {}
        self._all: set[WorkerProcess] = set()
        self._gone = ProcessMetrics()
        self._stopping = False

    # --- starting ---

    async def start(self) -> None:
        """Start the first worker, then the others; return once all accept calls.

        What keeps one from starting would keep all, so it is said once.

        Raises:
            WorkersFailingError: One ended instead. It has said why.
        """
        await self._first(1)
        await asyncio.gather(*(self._first(number) for number in range(2, self._count + 1)))

    async def _first(self, number: int) -> None:
        worker = self._in_place[number] = await self._started(number)
        if not await worker.until(worker.listening):
            status = await worker.ended
            raise WorkersFailingError(status if status > 0 else 1)

    async def _started(self, number: int) -> WorkerProcess:
        worker = await WorkerProcess.start(number, self._count, self._address)
        self._all.add(worker)
        worker.ended.add_done_callback(lambda _: self._leave(worker))
        return worker

    def _leave(self, worker: WorkerProcess) -> None:
        self._all.discard(worker)
        self._gone = combined((self._gone, worker.metrics.counted()))

    # --- keeping ---

    async def keep(self) -> None:
        """Start a worker again whenever one has died.

        Raises:
            WorkersFailingError: They die again and again.
        """
        await together(*(self._keep(number) for number in range(1, self._count + 1)))

    async def _keep(self, number: int) -> None:
        deaths, began = 0, monotonic()
        while True:
            worker = self._in_place[number]
            status = await asyncio.shield(worker.ended)
            if self._stopping:
                return
            if self._in_place[number] is not worker:
                deaths, began = 0, monotonic()
                continue
            deaths = deaths + 1 if monotonic() - began < SOON_SECONDS else 1
            if deaths >= MOST_DEATHS:
                _log.critical("workers_failing", worker=number, status=status, deaths=deaths)
                raise WorkersFailingError(1)
            pause = 0.0 if deaths == 1 else min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (deaths - 2))
            _log.error("worker_died", worker=number, pid=worker.pid, status=status, pause=pause)
            await asyncio.sleep(pause)
            self._metrics.restarted(Restart.DIED)
            began = monotonic()
            self._in_place[number] = await self._started(number)

    # --- replacing ---

    async def replace(self) -> bool:
        """Replace the workers one by one, each once its successor serves; return whether all were."""
        for number in range(1, self._count + 1):
            old = self._in_place[number]
            new = await self._started(number)
            # Where the old one does not serve either, because the database is away, accepting calls will do.
            awaited = new.serving if old.serving.is_set() else new.listening
            if not await new.until(awaited, REPLACING_SECONDS):
                new.kill()
                _log.error("rolling_restart_stopped", worker=number, replaced=number - 1)
                return False
            old, self._in_place[number] = self._in_place[number], new
            self._metrics.restarted(Restart.ROLLED)
            _log.info("worker_replaced", worker=number, pid=new.pid, former=old.pid)
            await self._ended({old}, MessageKind.RETIRE, self._grace)
        return True

    # --- ending ---

    async def end(self, kind: MessageKind, patience: float) -> None:
        """Tell all workers to end, wait for them, and kill those that take more than so many seconds."""
        self._stopping = True
        await self._ended(set(self._all), kind, patience)

    async def _ended(self, workers: set[WorkerProcess], kind: MessageKind, patience: float) -> None:
        if not workers:
            return
        ending = {worker.ended for worker in workers}
        for worker in workers:
            worker.tell(kind)
        await asyncio.wait(ending, timeout=patience + ENDING_SECONDS)
        for worker in workers:
            if not worker.ended.done():
                _log.error("worker_killed", worker=worker.number, pid=worker.pid)
                worker.kill()
        await asyncio.wait(ending)

    # --- metrics ---

    async def measure(self) -> ProcessMetrics:
        """Return the metrics of all processes, of workers that have ended among them, and of this one."""
        answers = await self._asked()
        # Of one that is silent, what it had counted stays; what it holds now, nobody knows.
        now = [
            worker.metrics if answered else worker.metrics.counted()
            for worker, answered in answers.items()
            if worker in self._all
        ]
        return combined((self._gone, *now, ProcessMetrics.of(self._registry)))

    async def _asked(self) -> dict[WorkerProcess, bool]:
        """Ask all workers for their metrics; return which of them have answered."""
        workers = list(self._all)
        answers = dict(
            zip(
                workers,
                await asyncio.gather(*(worker.measured(METRICS_SECONDS) for worker in workers)),
                strict=True,
            )
        )
        self._metrics.answering(sum(answers.get(worker, False) for worker in self._in_place.values()))
        return answers

    async def poll(self) -> None:
        """Ask for the metrics every few seconds, for ever."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self._asked()
