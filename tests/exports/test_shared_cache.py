"""Shows that a Redis that several databases, base URLs or processes share serves each its own, once made."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from fhirexport import AsyncClient
from support.cached import LITTLE, answer, change, hit, serving
from support.server import UNHURRIED, server_process
from support.valkey import Valkey


@pytest.fixture
def url(backend: str, new_group: Callable[[str, int], str]) -> str:
    return new_group(backend, 60)


async def test_a_database_from_a_backup_is_not_served_what_came_after_it(
    new_group: Callable[[str, int], str], valkey: Valkey, tmp_path: Path
) -> None:
    url = new_group("sqlite", 60)
    file = Path(url.removeprefix("sqlite:///"))
    backup = tmp_path / "backup.db"

    def copy(source: Path, target: Path) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{target}{suffix}").unlink(missing_ok=True)
            if Path(f"{source}{suffix}").exists():
                Path(f"{target}{suffix}").write_bytes(Path(f"{source}{suffix}").read_bytes())

    copy(file, backup)
    for number in range(3):
        copy(backup, file)
        async with serving(url, valkey, cache_memory=LITTLE) as client:
            change(url, f"timeline-{number}")
            content, _ = await answer(client)
            assert f"timeline-{number}".encode() in content
            await hit(client)


async def test_another_base_url_is_another_export(url: str, valkey: Valkey) -> None:
    for number in range(4):
        base = f"https://{'ab'[number % 2]}.example.org/fhir"
        async with serving(url, valkey, cache_memory=LITTLE, base_url=base) as client:
            content, _ = await answer(client)
            assert f'"fullUrl":"{base}/Encounter/'.encode() in content
            assert f"https://{'ba'[number % 2]}.example.org/".encode() not in content
            await hit(client)


async def test_another_database_with_the_same_revisions_is_not_served_what_the_first_has_kept(
    new_group: Callable[[str, int], str], valkey: Valkey, tmp_path: Path
) -> None:
    url = new_group("sqlite", 60)
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("VACUUM INTO ?", (str(other),))
    with closing(sqlite3.connect(other)) as connection:
        # What says that it is another database, and other rows under the same revision.
        connection.execute("UPDATE database_incarnation SET id = 'another'")
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'venue'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE venue SET nda = 'elsewhere' WHERE id = 1")
        for _, trigger in triggers:
            connection.execute(trigger)
        connection.commit()
    async with serving(url, valkey, cache_memory=LITTLE) as client:
        content, _ = await answer(client)
        await hit(client)
    async with serving(f"sqlite:///{other}", valkey, cache_memory=LITTLE) as client:
        elsewhere, snapshot = await answer(client)
        assert snapshot.source == "database"
        assert b"elsewhere" in elsewhere
        assert b"elsewhere" not in content


@pytest.mark.long
async def test_four_processes_with_fifty_callers_each_render_once(
    new_group: Callable[[str, int], str], valkey: Valkey, tmp_path: Path
) -> None:
    url = new_group("postgresql", 300)
    async with AsyncExitStack() as stack:
        clients = []
        for number in range(4):
            directory = tmp_path / str(number)
            directory.mkdir()
            server = await stack.enter_async_context(
                server_process(directory, url, REDIS_URL=valkey.url, CACHE_MEMORY=LITTLE, **UNHURRIED)
            )
            clients.append(await stack.enter_async_context(AsyncClient(server.address)))
        answers = await asyncio.gather(*(answer(client) for client in clients for _ in range(50)))
    assert len({content for content, _ in answers}) == 1
    rendered = [found for _, found in answers if found.cache_status == "fhirexport; fwd=miss"]
    assert len(rendered) == 1
    # The database was read once: every answer is of that one reading.
    assert len({found.read_time for _, found in answers}) == 1
