"""Shows that a real PgBouncer in transaction mode changes no byte and loses nothing. `make pooler` runs it.

It stands beside the suite because PgBouncer comes from no package index: the Makefile takes it from Debian.
All clients share one session of PostgreSQL: what one sets there, the next one's transaction begins with.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest
from fhirexport import AsyncClient
from fhirexport.cli.diagnosis import checks
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.store.database import Database
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from store.hostile_settings import HOSTILE, altered, export, export_all, fill
from store.test_loop_lookups import connected, looking_up
from support.exporting import exporting
from support.importing import exported, import_lines
from support.pooler import running_pooler
from support.rows import EJ_ID
from support.server import running_server, wait_for_health


@pytest.fixture(scope="module")
def url(new_database: Callable[[str], str]) -> str:
    """A hospital that settings can spoil, with another's tables beside it; without the pooler."""
    url = new_database("postgresql")
    fill(url)
    return url


def spoil(pooled: str, *settings: str) -> None:
    """Leaves settings and a temporary table of a name of ours in the session that all clients share."""
    with closing(psycopg.connect(pooled, autocommit=True, prepare_threshold=None)) as connection:
        for name in settings:
            value = HOSTILE[name] if name == "search_path" else f"'{HOSTILE[name]}'"
            connection.execute(f"SET {name} = {value}".encode())
        connection.execute("CREATE TEMPORARY TABLE IF NOT EXISTS venue (id bigint)")


@pytest.mark.parametrize("whose", ["ROLE", "DATABASE"])
@pytest.mark.parametrize("setting", HOSTILE)
async def test_a_setting_of_role_or_database_changes_no_byte(url: str, whose: str, setting: str) -> None:
    plain = await export_all(url)
    with altered(url, whose, {setting: HOSTILE[setting]}), running_pooler(url) as pooled:
        assert await export_all(pooled) == plain


@pytest.mark.parametrize("setting", HOSTILE)
async def test_a_setting_that_another_client_leaves_changes_no_byte(url: str, setting: str) -> None:
    plain = await export_all(url)
    with running_pooler(url) as pooled:
        async with exporting(pooled) as exporter:
            for number, dataset in enumerate(Dataset):
                spoil(pooled, setting)
                assert await export(exporter, dataset) == plain[number]


async def test_all_of_them_at_once_change_no_byte_either(url: str) -> None:
    plain = await export_all(url)
    with altered(url, "ROLE", HOSTILE), running_pooler(url) as pooled:
        async with exporting(pooled) as exporter:
            for number, dataset in enumerate(Dataset):
                spoil(pooled, *HOSTILE)
                assert await export(exporter, dataset) == plain[number]


async def test_what_another_client_leaves_is_really_there(url: str) -> None:
    """Else the tests above would show nothing. A pooler keeps a few settings for each client."""
    kept = {"client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings"}
    with running_pooler(url) as pooled:
        spoil(pooled, *HOSTILE)
        with closing(psycopg.connect(pooled, autocommit=True, prepare_threshold=None)) as connection:
            for name in HOSTILE.keys() - kept:
                assert connection.execute(f"SHOW {name}".encode()).fetchone() == (HOSTILE[name],)
            assert connection.execute("SELECT count(*) FROM venue").fetchone() == (0,)


async def test_look_ups_are_right_whichever_session_answers(url: str) -> None:
    """What one session has prepared, the next one does not know: it is sent whole from then on."""
    export = EjDataset(EJ_ID, Dataset.PATIENTS)
    answered = 0
    with running_pooler(url, sessions=2) as pooled, Database.open(pooled) as database:
        async with looking_up(database) as lookup:
            for number in range(12):
                with closing(psycopg.connect(pooled, prepare_threshold=None)) as holding:
                    if number % 3:
                        # Until the end of its transaction, one of the two sessions is its own.
                        holding.execute("SELECT 1")
                    change = f"UPDATE patient SET used_family = 'DURAND {number}' WHERE ej_id = {EJ_ID}"
                    with psycopg.connect(url) as writer:
                        writer.execute(change.encode())
                    look = await lookup.look(export)
                    if look is None:
                        await connected(database, lookup)
                        continue
                    answered += 1
                    assert look.revision == database.revision(*export)
    assert answered >= 9


async def test_an_import_writes_the_same(url: str, new_database: Callable[[str], str]) -> None:
    whole = await exported(url)
    other = new_database("postgresql")
    with running_pooler(other) as pooled:
        for options in ({"validate_only": True}, {}, {}):  # tried; inserts; updates
            spoil(pooled, *HOSTILE.keys() - {"search_path"})
            summary = await import_lines(pooled, b"".join(whole[EJ_ID]), **options)
            assert summary.errors == 0
        with closing(psycopg.connect(pooled, autocommit=True, prepare_threshold=None)) as connection:
            assert connection.execute("SELECT count(*) FROM pg_temp.venue").fetchone() == (0,)
        assert await exported(pooled) == whole
    assert await exported(other) == whole


async def test_a_server_behind_it_does_all_that_it_does(empty_database: Callable[[str], str]) -> None:
    url = empty_database("postgresql")
    with running_pooler(url, sessions=2) as pooled:
        migrate(pooled)
        load(pooled, batches(patients=60))
        async with running_server(pooled, cache_memory="1") as address, AsyncClient(address) as client:
            await wait_for_health(address)
            found = await asyncio.to_thread(lambda: list(checks.examine(address)))
            assert [one for one in found if one.check == "database" and one.level != "ok"] == []
            first = await client.patients(1).read("ndjson")

            async def read(number: int) -> bool:
                spoil(pooled, *list(HOSTILE)[number % len(HOSTILE) :])
                return await client.patients(1).read("ndjson") == first

            assert all(await asyncio.gather(*map(read, range(30))))
            with closing(psycopg.connect(pooled, autocommit=True, prepare_threshold=None)) as connection:
                connection.execute("UPDATE public.patient SET birth_family = 'CHANGED' WHERE id = 1")
            assert b"CHANGED" in await client.patients(1).read("ndjson")
