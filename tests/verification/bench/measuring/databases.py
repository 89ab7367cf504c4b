"""The databases of the bench: those of demo groups, made once for all parts of a run."""

import tempfile
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

    def new_database(self, backend: str, patients: int) -> str:
        """Make a database of one's own, to be written to."""
        file = Path(tempfile.mkdtemp(dir=self.directory)) / "bench.db"
        url = f"sqlite:///{file}" if backend == "sqlite" else self.server.create_database()
        migrate(url)
        if patients:
            load(url, batches(patients=patients))
        return url
