"""A server with all that can be set, and callers who use all of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

from fhirexport import TLS, AsyncClient, ExportError
from fhirexport_server.identities.static_tokens import new_static_token
from fhirexport_server.sealing.keys_file import add_key
from sqlalchemy import text
from support.certificates import NAMES, Site
from support.metrics import read
from support.rows import writing
from support.server import PATIENCE, server_process
from support.valkey import Valkey

_POLICY = """
[[callers]]
name = "all"
token = "all"
rights = ["export:*:*", "watch:*:*", "import:*", "cache:read", "cache:admin"]
[[callers]]
name = "few"
token = "few"
rights = ["export:structure:*"]
"""
_PAUSE = 0.05
_PATIENT = (
    '{"resourceType": "Patient", "identifier": [{"use": "usual", "type": {"coding": [{"system":'
    ' "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PI"}]}, "system": "urn:oid:2.999.1",'
    ' "value": "%s"}], "name": [{"use": "official", "family": "%s", "given": ["A"]}], "gender": "female",'
    ' "birthDate": "%s"}\n'
)


class BusyServer:
    """A server, its files, and who calls it."""

    def __init__(self, directory: Path, url: str, valkey: Valkey) -> None:
        self._directory = directory
        self._url = url
        self._valkey = valkey
        self._site = Site(directory)
        self._tokens = directory / "tokens.toml"
        self._policy = directory / "policy.toml"
        self._keys = directory / "keys.toml"
        self._policy.write_text(_POLICY)
        self._known = {name: new_static_token(self._tokens, name) for name in ("all", "few")}
        add_key(self._keys, "first")
        self.metrics = ""
        """Where it serves its metrics."""
        self._address = ""
        self._swaps = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the server until the end of the context."""
        variables = {name.upper(): str(path) for name, path in self._site.settings(mutual=False).items()}
        async with server_process(
            self._directory,
            self._url,
            serving=False,
            REDIS_URL=self._valkey.url,
            METRICS_ADDRESS="127.0.0.1:0",
            TOKENS_FILE=str(self._tokens),
            POLICY_FILE=str(self._policy),
            AUDIT_DIRECTORY=str(self._directory / "audit"),
            CACHE_KEYS_FILE=str(self._keys),
            **variables,
        ) as server:
            self._address, self.metrics = server.address, server.metrics_address()
            async with asyncio.timeout(PATIENCE):
                while not (await self._serving()):
                    await asyncio.sleep(0.1)
            yield

    async def _serving(self) -> bool:
        page = await read(self.metrics)
        return page.value("fhirexport_serving", grpc_service="fhirexport.v1.ExportService") == 1

    def _client(self, token: str) -> AsyncClient:
        return AsyncClient(
            self._address, tls=TLS(self._site.authority.pem), token=self._known.get(token, token)
        )

    async def used(self, seconds: float) -> None:
        """Have callers do everything for some time."""
        async with AsyncExitStack() as stack:
            everybody, few, nobody = [
                await stack.enter_async_context(self._client(name)) for name in ("all", "few", "nobody" * 8)
            ]
            end = time.monotonic() + seconds
            watching = [asyncio.create_task(_watches(everybody)) for _ in range(2)]
            try:
                await asyncio.gather(
                    _again(lambda number: self._exports(everybody, number), end),
                    _again(lambda number: _refused(few, nobody, everybody, number), end, 0.3),
                    _again(lambda number: _imports(everybody, number), end, 0.7),
                    _tends(everybody),
                    _again(self._writes, end, 0.5),
                    self._files_change(seconds / 2),
                )
            finally:
                for task in watching:
                    task.cancel()
                await asyncio.gather(*watching, return_exceptions=True)

    async def _exports(self, client: AsyncClient, number: int) -> None:
        ej = 1 + number % 3
        for export in (
            client.structure(ej),
            client.patients(ej),
            client.venues(ej, movements=number % 2 == 0),
            client.patients(ej, max_staleness=timedelta(minutes=1)),
        ):
            await export.read("ndjson")

    async def _writes(self, number: int) -> None:
        """Change a patient and a movement, as another program does."""

        def write() -> None:
            with writing(self._url) as connection:
                connection.execute(
                    text("UPDATE patient SET used_family = :name WHERE id = :id"),
                    {"name": f"N{number}", "id": 1 + number % 20},
                )
                connection.execute(
                    text("UPDATE movement SET movement_no = :name WHERE id = :id"),
                    {"name": f"M{number}-{time.time_ns()}", "id": 1 + number % 20},
                )

        await asyncio.to_thread(write)

    async def _files_change(self, seconds: float) -> None:
        """Swap each file that the server looks after, for a good one and for one that cannot be used."""
        await asyncio.sleep(seconds)
        self._site.install(*self._site.authority.server(NAMES))
        self._swaps += 1
        new_static_token(self._tokens, f"token-{self._swaps}")
        add_key(self._keys, f"key-{self._swaps}", last=True)
        self._policy.write_text(_POLICY + "\n[roles]\nmore = []\n")
        await asyncio.sleep(seconds / 3)
        self._policy.write_text("no TOML")
        await asyncio.sleep(seconds / 3)
        self._policy.write_text(_POLICY)


async def _again(work: Callable[[int], Awaitable[None]], end: float, pause: float = _PAUSE) -> None:
    for number in count():
        await work(number)
        await asyncio.sleep(pause)
        if time.monotonic() > end:
            return


async def _watches(client: AsyncClient) -> None:
    async for _ in client.watch(1, "patients", "venues"):
        pass


async def _refused(few: AsyncClient, nobody: AsyncClient, everybody: AsyncClient, number: int) -> None:
    del number
    for export in (few.patients(1), nobody.structure(1), everybody.venues(99)):
        with suppress(ExportError):
            await export.read("ndjson")


async def _imports(client: AsyncClient, number: int) -> None:
    """Send a patient who is new, one who is another or the same, and one who is wrong."""
    for content in (
        _PATIENT % (f"new-{number}", "X", "1980-01-01"),
        _PATIENT % ("same", f"X{number // 2}", "1980-01-01"),
        _PATIENT % ("wrong", "X", "not a day"),
    ):
        with suppress(ExportError):
            await client.imports.resources(content.encode(), ej_id=1)


async def _tends(client: AsyncClient) -> None:
    """Do what an operator does."""
    await client.cache.stats()
    await client.cache.invalidate("fhir:export:patients:*", reason="a test")
    await client.cache.flush(reason="a test")
    async for _ in client.cache.warm([2], ["venues"]):
        pass
