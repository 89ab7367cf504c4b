"""The databases of the bench: those of demo groups, made once for all parts of a run."""

import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.postgres import Postgres

BACKENDS: Final = ("sqlite", "postgresql")
NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
HIT_PATIENTS: Final = (85, 425, 1_250)
"""Patients of groups of whom those of EJ 1 take about 200 KB, 1 MB and 3 MB as JSON."""


class Bench:
    """What the parts of a run share."""

    def __init__(self, server: Postgres, directory: Path, rounds: int) -> None:
        self.directory = directory
        self.rounds = rounds
        self.server = server
        self._made: dict[tuple[str, int], str] = {}

    def database(self, backend: str, patients: int) -> str:
        """Return the URL of the group with so many patients, to be read only."""
        if (backend, patients) not in self._made:
            self._made[backend, patients] = self.new_database(backend, patients)
        return self._made[backend, patients]

    def databases(self, patients: int) -> dict[str, str]:
        """Return the URLs of the group with so many patients by backend, to be read only."""
        if missing := [backend for backend in BACKENDS if (backend, patients) not in self._made]:
            made = self.new_databases((backend, patients) for backend in missing)
            self._made |= {(backend, patients): url for backend, url in zip(missing, made, strict=True)}
        return {backend: self._made[backend, patients] for backend in BACKENDS}

    def new_database(self, backend: str, patients: int) -> str:
        """Make a database of one's own, to be written to."""
        url = self._empty(backend)
        _fill(url, patients)
        return url

    def new_databases(self, wanted: Iterable[tuple[str, int]]) -> list[str]:
        """Make some databases of one's own, each of a backend and with so many patients, side by side."""
        urls, sizes = zip(*((self._empty(backend), patients) for backend, patients in wanted), strict=True)
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
            list(processes.map(_fill, urls, sizes))
        return list(urls)

    def _empty(self, backend: str) -> str:
        file = Path(tempfile.mkdtemp(dir=self.directory)) / "bench.db"
        return f"sqlite:///{file}" if backend == "sqlite" else self.server.create_database()


def _fill(url: str, patients: int) -> None:
    migrate(url)
    if patients:
        load(url, batches(patients=patients))
