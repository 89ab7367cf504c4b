"""Shows that a running server compacts revisions, and goes on when it cannot for a while."""

import asyncio
from collections.abc import Callable

from fhirexport_server.exports.upkeep import Upkeep
from fhirexport_server.store.loader import load
from sqlalchemy import text
from structlog.testing import capture_logs
from support.rows import small, writing
from support.server import PATIENCE, running_server


async def test_a_server_leaves_no_delta_uncompacted(new_database: Callable[[str], str]) -> None:
    url = new_database("postgresql")
    load(url, small())

    def deltas() -> int:
        with writing(url) as connection:
            return int(connection.execute(text("SELECT count(*) FROM revision_delta")).scalar_one())

    assert deltas() > 0
    async with running_server(url), asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(deltas):
            await asyncio.sleep(0.05)


async def test_upkeep_goes_on_after_failures_and_tells_of_them_once() -> None:
    outcomes = [ConnectionError("a secret"), ConnectionError("a secret"), None, ConnectionError("a secret")]
    attempts = 0
    over = asyncio.Event()

    async def compact() -> bool:
        nonlocal attempts
        attempts += 1
        if attempts > len(outcomes):
            over.set()
            return False
        error = outcomes[attempts - 1]
        if error is not None:
            raise error
        return True

    with capture_logs() as logs:
        task = asyncio.create_task(Upkeep(compact).run(failing_seconds=0))
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
