"""Shows that a running server compacts revisions, and goes on when it cannot for a while."""

import asyncio
from collections.abc import Callable

from fhirexport import AsyncClient
from fhirexport_server.domain.changes import Compaction
from fhirexport_server.runtime.upkeep import Upkeep
from sqlalchemy import text
from structlog.testing import capture_logs
from support.rows import writing
from support.server import PATIENCE, running_server, wait_for_health
from support.valkey import Valkey


async def test_a_server_leaves_no_delta_uncompacted(new_small: Callable[[str], str]) -> None:
    url = new_small("postgresql")

    def deltas() -> int:
        with writing(url) as connection:
            return int(connection.execute(text("SELECT count(*) FROM revision_delta")).scalar_one())

    assert deltas() > 0
    async with running_server(url), asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(deltas):
            await asyncio.sleep(0.05)


async def test_what_writers_change_is_logged_and_stays_in_redis(
    backend: str, new_small: Callable[[str], str], valkey: Valkey
) -> None:
    database_url, sqlite = new_small(backend), backend == "sqlite"
    with capture_logs() as logs:
        async with running_server(database_url, redis_url=valkey.url) as address:
            await wait_for_health(address)
            async with AsyncClient(address) as client, asyncio.timeout(PATIENCE):
                await client.venues(1).read()
                await client.venues(1).read("ndjson")
                with valkey.client() as redis:
                    while len(list(redis.scan_iter(match="fhir:export:*"))) < 2:
                        await asyncio.sleep(0.01)
                    await asyncio.sleep(1.5)  # until what the loading has changed was told
                    logs.clear()
                    with writing(database_url) as connection:
                        connection.execute(text("UPDATE movement SET nature = 'H' WHERE ej_id = 1"))
                        rows = connection.execute(
                            text("SELECT count(*) FROM movement WHERE ej_id = 1")
                        ).scalar_one()
                    while not any(line["event"] == "invalidated" for line in logs):
                        await asyncio.sleep(0.05)
                    # What comes next starts from it.
                    assert len(list(redis.scan_iter(match="fhir:export:*"))) == 2
    (line,) = [line for line in logs if line["event"] == "invalidated"]
    assert (line["log_level"], line["dataset"], line["ej_id"]) == ("info", "venues", 1)
    assert line["changes"] == {"movement": None if sqlite else rows}


async def test_upkeep_goes_on_after_failures_and_tells_of_them_once() -> None:
    outcomes = [ConnectionError("a secret"), ConnectionError("a secret"), None, ConnectionError("a secret")]
    attempts = 0
    over = asyncio.Event()

    class Work:
        async def compact(self) -> Compaction:
            nonlocal attempts
            attempts += 1
            if attempts > len(outcomes):
                over.set()
                return Compaction((), more=False)
            error = outcomes[attempts - 1]
            if error is not None:
                raise error
            return Compaction((), more=True)

        async def settle(self) -> None:
            """Has nothing to pass on."""

    with capture_logs() as logs:
        task = asyncio.create_task(Upkeep(Work()).run(failing_seconds=0))
        async with asyncio.timeout(PATIENCE):
            await over.wait()
        task.cancel()
    assert [line["event"] for line in logs] == [
        "upkeep_failing",
        "upkeep_recovered",
        "upkeep_failing",
        "upkeep_recovered",
    ]
    assert "secret" not in str(logs)
