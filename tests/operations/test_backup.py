"""Shows what docs/operations.md says of a restored backup: what is served of a lost state, and how long."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from fhirexport import AsyncClient, Snapshot, UnavailableError
from sqlalchemy import text
from support.documented import output
from support.rows import writing
from support.server import running_server, wait_for_health
from support.troubles import POSTGRES_BIN
from support.valkey import Valkey

KEPT, LOST = "Gardé", "Perdu"


class Hospital:
    """A database that is backed up and restored, and a server that goes on meanwhile.

    PostgreSQL's is restored by `pg_restore`, SQLite's as a file, as a base backup is.
    """

    def __init__(self, url: str, directory: Path, client: AsyncClient) -> None:
        self.url = url
        self.client = client
        self._directory = directory

    @property
    def _file(self) -> Path | None:
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:") else None

    async def dump(self) -> None:
        if self._file is not None:
            with closing(sqlite3.connect(self._file)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(self._file, self._file.with_name("backup.db"))
            return
        await self._run('pg_dump --format=custom --file=fhirexport.dump "$DATABASE_URL"')

    async def restore(self) -> None:
        if self._file is not None:
            for end in ("-wal", "-shm"):
                self._file.with_name(self._file.name + end).unlink(missing_ok=True)
            self._file.with_name("backup.db").rename(self._file)
            return
        options = "--clean --if-exists --single-transaction"
        await self._run(f'pg_restore {options} --dbname="$DATABASE_URL" fhirexport.dump')

    async def give_new_incarnation(self) -> None:
        with writing(self.url) as connection:
            connection.execute(text("UPDATE database_incarnation SET id = 'another'"))

    def name(self, given: str) -> None:
        """Gives the first patient another name."""
        with writing(self.url) as connection:
            connection.execute(text("UPDATE patient SET first_given = :name WHERE id = 1"), {"name": given})

    async def read(self, **options: str) -> tuple[str, Snapshot]:
        """Exports the patients; returns the name that the first one has there, and what was read."""
        export = self.client.patients(1, at_least=options["at_least"]) if options else self.client.patients(1)
        names = [resource["name"][0]["given"][0] async for resource in export if resource["id"] == "pat-1"]
        assert export.snapshot is not None
        return names[0], export.snapshot

    async def _run(self, line: str) -> None:
        printed = await output(line, self._directory, {"DATABASE_URL": self.url}, (POSTGRES_BIN,))
        assert printed == ""


@asynccontextmanager
async def _hospital(
    new_group: Callable[[str, int], str],
    valkey: Valkey,
    directory: Path,
    *,
    backend: str = "sqlite",
    cached: bool = True,
) -> AsyncIterator[Hospital]:
    url = new_group(backend, 20)
    async with (
        running_server(url, redis_url=valkey.url, cache_enabled=cached) as address,
        AsyncClient(address) as client,
    ):
        await wait_for_health(address)
        yield Hospital(url, directory, client)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_nothing_has_to_be_flushed(
    new_group: Callable[[str, int], str], valkey: Valkey, tmp_path: Path, backend: str
) -> None:
    async with _hospital(new_group, valkey, tmp_path, backend=backend) as hospital:
        hospital.name(KEPT)
        await hospital.dump()
        hospital.name(LOST)
        assert (await hospital.read())[0] == LOST
        assert (await hospital.read())[1].source == "cache"
        await hospital.restore()
        assert (await hospital.read())[0] == KEPT
        # As many changes as the lost state had, and other ones.
        hospital.name("Autre")
        assert (await hospital.read())[0] == "Autre"


@pytest.mark.long
async def test_what_pg_restore_makes_is_another_database(
    new_group: Callable[[str, int], str], valkey: Valkey, tmp_path: Path
) -> None:
    async with _hospital(new_group, valkey, tmp_path, backend="postgresql") as hospital:
        await hospital.dump()
        hospital.name(LOST)
        _, lost = await hospital.read()
        await hospital.restore()
        kept, _ = await hospital.read()
        assert (await hospital.read(at_least=lost.revision))[0] == kept != LOST


async def test_a_token_of_the_lost_state_is_answered_by_what_is_kept_of_it(
    new_group: Callable[[str, int], str], valkey: Valkey, tmp_path: Path
) -> None:
    async with _hospital(new_group, valkey, tmp_path) as hospital:
        await hospital.dump()
        hospital.name(LOST)
        _, lost = await hospital.read()
        await hospital.restore()
        assert (await hospital.read(at_least=lost.revision))[0] == LOST
        # Until the database has another incarnation, and the server has seen it.
        await hospital.give_new_incarnation()
        kept, _ = await hospital.read()
        assert (await hospital.read(at_least=lost.revision))[0] == kept != LOST


@pytest.mark.long
async def test_without_the_cache_it_is_refused_until_there_are_as_many_changes(
    new_group: Callable[[str, int], str], valkey: Valkey, tmp_path: Path
) -> None:
    async with _hospital(new_group, valkey, tmp_path, cached=False) as hospital:
        await hospital.dump()
        hospital.name(LOST)
        _, lost = await hospital.read()
        await hospital.restore()
        with pytest.raises(UnavailableError) as refused:
            await asyncio.wait_for(hospital.read(at_least=lost.revision), 60)
        assert refused.value.reason == "DATABASE_UNAVAILABLE"
        hospital.name("Autre")
        assert (await hospital.read(at_least=lost.revision))[0] == "Autre"


async def test_with_a_new_incarnation_it_is_answered_by_the_state_of_now(
    new_group: Callable[[str, int], str], valkey: Valkey, tmp_path: Path
) -> None:
    async with _hospital(new_group, valkey, tmp_path, cached=False) as hospital:
        await hospital.dump()
        hospital.name(LOST)
        _, lost = await hospital.read()
        await hospital.restore()
        await hospital.give_new_incarnation()
        assert (await hospital.read(at_least=lost.revision))[0] != LOST
