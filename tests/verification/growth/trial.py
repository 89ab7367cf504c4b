"""Has a server try an import of many patients (`validate_only`), while others write and export.

    python -m verification.growth.trial --patients 1000000 --database sqlite

Says how long it took, how large the server was, how long writes had to wait, and how exports were answered.
It ends with 1 where a write failed or waited for the trial, or the server took more than the bound.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import psutil
from fhirexport import AsyncClient
from fhirexport.v1 import import_service_pb2 as pb
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from sqlalchemy import text
from support.importing import exported
from support.postgres import running_postgres
from support.rows import writing
from support.server import server_process
from verification.growth.hostile import BOUND_MIB
from verification.growth.shapes import Sent, Templates, chunks

if TYPE_CHECKING:
    from fhirexport.v1.import_service_pb2_grpc import ImportServiceAsyncStub  # exists for type checkers only

_PATIENTS = 30
"""Of the database: the patients that are tried are all new."""
_KEPT = ("resourceType", "meta", "identifier", "name", "gender", "birthDate")
"""Of a patient: what every hospital knows."""
_WRITE_SECONDS = 0.1
_EXPORT_SECONDS = 1.0
_LONGEST_WAIT = 2.0
"""How long a write may take, in seconds: the server's own would give up after five."""
_CALL_SECONDS = 3600.0


class Watched:
    """What is seen while the import is tried."""

    def __init__(self, url: str, address: str, pid: int) -> None:
        self._url, self._address = url, address
        self._process = psutil.Process(pid)
        self.most = self.begin = self.mib()
        self.waits: list[float] = []
        self.exports: list[float] = []

    def mib(self) -> float:
        """Return how large the server is."""
        return float(self._process.memory_info().rss) / 1024**2

    async def weigh(self) -> None:
        """Look at its memory again and again."""
        while True:
            self.most = max(self.most, self.mib())
            await asyncio.sleep(0.05)

    async def write(self) -> None:
        """Commit a change every so often, as any other client of the database."""
        for number in range(sys.maxsize):
            begun = time.monotonic()
            await asyncio.to_thread(self._change, number)
            self.waits.append(time.monotonic() - begun)
            await asyncio.sleep(_WRITE_SECONDS)

    def _change(self, number: int) -> None:
        change = text("UPDATE patient SET birth_family = :name WHERE id = 1")
        with writing(self._url) as connection:
            connection.execute(change, {"name": f"N{number}"})

    async def export(self) -> None:
        """Export the patients every so often: each export has the last change."""
        async with AsyncClient(self._address) as client:
            while True:
                begun = time.monotonic()
                await client.patients(1).read()
                self.exports.append(time.monotonic() - begun)
                await asyncio.sleep(_EXPORT_SECONDS)


async def _tried(address: str, sent: Sent) -> pb.ImportSummary:
    async def messages() -> AsyncIterator[pb.ImportResourcesRequest]:
        yield pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1, validate_only=True))
        for chunk in chunks(_patients(sent)):
            yield pb.ImportResourcesRequest(chunk=chunk)

    async with grpc.aio.insecure_channel(address) as channel:
        stub: ImportServiceAsyncStub = ImportServiceStub(channel)
        return (await stub.ImportResources(messages(), timeout=_CALL_SECONDS)).summary


def _patients(sent: Sent) -> Iterator[bytes]:
    patient = {name: sent.templates.patient[name] for name in _KEPT} | {"id": "pat-%d"}
    (identifier,) = patient["identifier"]
    line = json.dumps(patient, separators=(",", ":")).replace(json.dumps(identifier["value"]), '"X%d"')
    for number in range(10**6, 10**6 + sent.size):
        yield (line % (number, number)).encode()


@contextmanager
def _database(backend: str, directory: Path) -> Iterator[str]:
    if backend == "sqlite":
        yield f"sqlite:///{directory / 'hospital.db'}"
        return
    with running_postgres() as server:
        yield server.create_database()


async def run(url: str, directory: Path, sent: Sent) -> bool:
    """Have an import tried; print what was seen, and return whether all held."""
    async with server_process(directory, url) as server:
        watched = Watched(url, server.address, server.process.pid)
        others = [asyncio.create_task(work()) for work in (watched.weigh, watched.write, watched.export)]
        await asyncio.sleep(2)
        watched.begin = watched.most
        before = len(watched.waits), len(watched.exports)
        begun = time.monotonic()
        summary = await _tried(server.address, sent)
        seconds = time.monotonic() - begun
        failed = [task.exception() for task in others if task.done()]
        for task in others:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*others)
    waits, exports = sorted(watched.waits[before[0] :]), sorted(watched.exports[before[1] :])
    grown = watched.most - watched.begin
    print(  # noqa: T201 - what the program is for
        f"{sent.size} patients tried in {seconds:.1f} s: {summary.created_count} would be created,"
        f" {summary.error_count} errors; {watched.begin:.0f} MiB, {watched.most:.0f} at most;"
        f" {len(waits)} writes meanwhile, median {waits[len(waits) // 2] * 1000:.0f} ms, slowest"
        f" {waits[-1] * 1000:.0f} ms; {len(exports)} exports, slowest {exports[-1] * 1000:.0f} ms; {failed=}"
    )
    return (
        not failed and summary.created_count == sent.size and waits[-1] < _LONGEST_WAIT and grown < BOUND_MIB
    )


def main() -> int:
    """Run the program; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="fhirexport-trial-") as name,
        _database(given.database, Path(name)) as url,
    ):
        migrate(url)
        load(url, batches(patients=_PATIENTS))
        content = b"".join(asyncio.run(exported(url))[1])
        templates = Templates.of(map(json.loads, content.splitlines()))
        sent = Sent(templates, given.patients, None)  # type: ignore[arg-type]  # nothing of it is random
        return 0 if asyncio.run(run(url, Path(name), sent)) else 1


if __name__ == "__main__":
    sys.exit(main())
