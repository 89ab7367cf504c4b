"""Sends canary patients through every path of a server and of its command, and keeps all that comes out."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import grpc
from fhirexport import AsyncClient
from fhirexport.v1.import_service_pb2 import ImportBundleRequest
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport_server.sealing.keys_file import add_key
from sqlalchemy import text
from support.collector import Collector, collecting
from support.command import fhirexport
from support.metrics import ask
from support.rows import writing
from support.server import ServerProcess, server_process
from support.valkey import Valkey
from verification.canaries.patients import ROW_NAME, Canaries
from verification.fuzz.changing import changed, written
from verification.siege.messages import mutated

REFUSED = 40
"""How many imports of each kind are wrong somewhere."""


class Flight:
    """One server, what is asked of it, and what came out."""

    def __init__(self, directory: Path, canaries: Canaries, url: str, valkey: Valkey) -> None:
        self._directory = directory
        self._canaries = canaries
        self._url = url
        self._valkey = valkey
        self._random = Random(1)
        self.out: list[tuple[str, bytes]] = []
        """All that must not have a canary in it, by where it came out."""
        self.exported: list[bytes] = []
        """What must have them."""
        self._address = ""

    async def fly(self) -> None:
        """Go through every path."""
        temporary, keys = self._directory / "tmp", self._directory / "keys.toml"
        temporary.mkdir()
        await asyncio.to_thread(add_key, keys, "k")
        async with collecting() as (collector, endpoint):
            started = server_process(
                self._directory,
                self._url,
                REDIS_URL=self._valkey.url,
                CACHE_KEYS_FILE=str(keys),
                LOG_LEVEL="DEBUG",
                LOG_FILE=str(self._directory / "also.log"),
                METRICS_ADDRESS="127.0.0.1:0",
                OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
                TMPDIR=str(temporary),
            )
            async with started as server:
                self._address = server.address
                await self._right()
                await self._refused()
                await self._refused_by_the_database()
                await self._commands_that_fail()
                await self._without_redis()
                await self._with_a_broken_row()
                await self._seen_from_outside(server, collector)
                await server.stopped()
            await self._run("without a server", "patients", "1", "-o", self._directory / "none.json")
            self._keep("log", server.log_file.read_bytes())
            self._keep("traces at the end", b"".join(one.SerializeToString() for one in collector.requests))
        self._keep("log file", (self._directory / "also.log").read_bytes())
        self._keep("standard output", (self._directory / "out.log").read_bytes())
        self._left_behind(temporary)

    # --- what goes right ---

    async def _right(self) -> None:
        files = {"structure": self._canaries.structure, "all": self._canaries.lines()}
        for name, content in files.items():
            file = self._directory / f"{name}.ndjson"
            file.write_bytes(content)
            of_ej = () if name == "structure" else ("--ej", "1")
            await self._run(f"import of {name}", "import", file, *of_ej, expected=0)
        for dataset in ("structure", "patients", "venues"):
            for layout in ("bundle", "transaction", "ndjson"):
                file = self._directory / f"{dataset}.{layout}"
                for _ in range(2):
                    await self._run(
                        f"export of {dataset}", dataset, "1", "--format", layout, "-o", file, expected=0
                    )
                self.exported.append(file.read_bytes())
            await self._run(f"sync of {dataset}", "sync", "1", dataset, self._directory / f"copy-{dataset}")
        self._execute(f"UPDATE patient SET used_family = '{ROW_NAME}' WHERE id = 1")
        file = self._directory / "changed.json"
        await self._run("export after a change", "patients", "1", "-o", file, expected=0)
        self.exported.append(file.read_bytes())
        for options in ((), ("--verify",)):
            await self._run("sync", "sync", "1", "patients", self._directory / "copy-patients", *options)
        for command in (
            ("entities",),
            ("health",),
            ("doctor",),
            ("cache", "stats"),
            ("cache", "list"),
            ("cache", "warm", "1"),
            ("cache", "invalidate", "fhir:export:patients:*", "--reason", "a test"),
        ):
            await self._run(" ".join(command), *command)
        async with AsyncClient(self._address) as client:
            async for event in client.watch(1, "patients"):
                self._keep("watch", repr(event).encode())
                break

    # --- what is refused ---

    async def _refused(self) -> None:
        async with AsyncClient(self._address) as client, grpc.aio.insecure_channel(self._address) as channel:
            stub = ImportServiceStub(channel)
            for number in range(REFUSED):
                line = self._wrong_line()
                try:
                    self._keep("import", repr(await client.imports.resources(_once(line), ej_id=1)).encode())
                except Exception as error:  # noqa: BLE001 - whatever it is is searched
                    self._keep("error of the library", _told(error))
                entry = {"resource": self._wrong(), "request": {"method": "POST", "url": "Patient"}}
                bundle = written({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
                content = mutated(bundle, self._random) if number % 4 == 0 else bundle
                request = ImportBundleRequest(bundle=content.decode(errors="replace"))
                request.options.ej_id = 1
                try:
                    self._keep("answer", (await stub.ImportBundle(request)).SerializeToString())
                except grpc.aio.AioRpcError as error:
                    self._keep("status", _status(error))
        file = self._directory / "wrong.ndjson"
        file.write_bytes(b"".join(self._wrong_line() for _ in range(REFUSED)))
        for more in ((), ("--json",), ("--dry-run",)):
            await self._run("import that is wrong", "import", file, "--ej", "1", *more)
        file.write_bytes(self._canaries.lines()[:-200])
        await self._run("import that is cut", "import", file, "--ej", "1")
        file.rename(file.with_suffix(".json"))
        await self._run("import of lines as a Bundle", "import", file.with_suffix(".json"), "--ej", "1")

    def _wrong(self) -> object:
        return changed(self._random.choice((*self._canaries.patients, *self._canaries.venues)), self._random)

    def _wrong_line(self) -> bytes:
        content = written(self._wrong())
        return (mutated(content, self._random) if self._random.random() < 1 / 4 else content) + b"\n"

    async def _refused_by_the_database(self) -> None:
        """Have the database quote a row in its error, as it does by itself on PostgreSQL."""
        if self._url.startswith("sqlite"):
            raised = f"SELECT RAISE(ABORT, 'CHECK constraint failed: {ROW_NAME}')"
            self._execute(f"CREATE TRIGGER site BEFORE UPDATE ON patient BEGIN {raised}; END")
        else:
            self._execute(f"ALTER TABLE patient ADD CONSTRAINT site CHECK (birth_family <> '{ROW_NAME}2')")
        patient = self._canaries.patients[0]
        names = [{**name, "family": f"{ROW_NAME}2"} for name in patient["name"]]
        file = self._directory / "refused.ndjson"
        file.write_bytes(written({**patient, "name": names}) + b"\n")
        for more in ((), ("--json",)):
            await self._run("import that the database refuses", "import", file, "--ej", "1", *more)
        is_sqlite = self._url.startswith("sqlite")
        self._execute("DROP TRIGGER site" if is_sqlite else "ALTER TABLE patient DROP CONSTRAINT site")

    async def _commands_that_fail(self) -> None:
        full = Path("/dev/full")
        for name, *arguments in (
            ("a full disk", "patients", "1", "-o", full),
            ("no folder", "patients", "1", "-o", self._directory / "none" / "x.json"),
            ("no EJ", "patients", "77"),
            ("no file", "import", self._directory / "none.ndjson"),
            ("a file for a folder", "sync", "1", "patients", self._directory / "all.ndjson"),
            ("a short time", "--timeout", "0.001", "patients", "1", "-o", self._directory / "late.json"),
        ):
            await self._run(name, *arguments)

    async def _without_redis(self) -> None:
        with self._valkey.client() as redis:
            for key in redis.scan_iter():
                self._keep("name of a key in Redis", key)
                content = redis.hgetall(key) if redis.type(key) == b"hash" else {b"": redis.get(key)}
                for value in content.values():
                    self._keep("value in Redis", value or b"")
                redis.set(key, b"damaged")
        await self._run("export over damaged keys", "patients", "1", "-o", self._directory / "again.json")
        self._valkey.kill()
        await self._run("export without Redis", "venues", "1", "-o", self._directory / "again.json")
        await self._run("cache without Redis", "cache", "list")

    async def _with_a_broken_row(self) -> None:
        self._execute("UPDATE org_unit SET parent_id = 2 WHERE id = 1")
        file = self._directory / "again.json"
        for dataset in ("structure", "patients", "venues"):
            await self._run("export of a row that is wrong", dataset, "1", "-o", file)

    # --- what is seen of the process ---

    async def _seen_from_outside(self, server: ServerProcess, collector: Collector) -> None:
        page = await asyncio.to_thread(ask, server.metrics_address())
        self._keep("page of metrics", page.text.encode())
        self._keep("traces", b"".join(request.SerializeToString() for request in collector.requests))
        process = Path(f"/proc/{server.process.pid}")
        named = (process / name for name in ("cmdline", "comm", "environ"))
        for path in (*named, *process.glob("task/*/comm")):
            self._keep(path.name, path.read_bytes())
        with writing(self._url) as connection:
            for table in ("cache_audit", "revision_log", "revision_delta"):
                rows = connection.execute(text(f"SELECT * FROM {table}")).all()
                self._keep(f"table {table}", repr(rows).encode())

    def _left_behind(self, temporary: Path) -> None:
        """Keep the names of all files, and what is in those that nobody asked for."""
        for path in self._directory.rglob("*"):
            self._keep("name of a file", str(path).encode())
            if path.is_file() and (path.is_relative_to(temporary) or ".part" in path.name):
                self._keep("a file that is left", path.read_bytes())

    # --- keeping ---

    async def _run(self, name: str, *arguments: str | Path, expected: int | None = None) -> None:
        status, out, errors = await fhirexport(self._address, *arguments)
        if expected is not None and status != expected:
            raise AssertionError(f"{name}: status {status}: {out.decode()[-800:]} {errors[-800:]}")
        self._keep(f"command, {name}, output", out)
        self._keep(f"command, {name}, errors", errors.encode())

    def _execute(self, statement: str) -> None:
        with writing(self._url) as connection:
            connection.execute(text(statement))

    def _keep(self, where: str, content: bytes) -> None:
        self.out.append((where, content))


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _told(error: Exception) -> bytes:
    return "".join([repr(error), repr(vars(error)), *traceback.format_exception(error)]).encode()


def _status(error: grpc.aio.AioRpcError) -> bytes:
    trailers: Sequence[object] = list(error.trailing_metadata() or ())
    binary = b"".join(value for _, value in error.trailing_metadata() or () if isinstance(value, bytes))
    return repr((error, trailers)).encode() + binary
