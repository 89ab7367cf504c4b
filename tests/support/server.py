"""Runs the real server for a test: in this process, or as the program that is shipped."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypedDict

import grpc
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.access_settings import OFF
from fhirexport_server.app import running
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.exports.service import Exports
from fhirexport_server.settings import Settings
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from support.forked import Forked, fork

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

ROOT = Path(__file__).parents[2]

PATIENCE = 60.0
"""How long a test waits for what must happen, in seconds: generous, for machines with other work."""


class Times(TypedDict):
    """How long a server waits for Redis."""

    REDIS_SOCKET_TIMEOUT: str
    REDIS_SOCKET_CONNECT_TIMEOUT: str
    CACHE_BUDGET: str


UNHURRIED = Times(REDIS_SOCKET_TIMEOUT="10", REDIS_SOCKET_CONNECT_TIMEOUT="10", CACHE_BUDGET="10")
"""A Redis that is slow, on a busy machine, is not away. A test of one that is frozen sets its own."""

NO_REDIS = "unix:///nowhere/redis.sock"
"""An address that refuses at once: a test that wants a Redis says which."""


def settings(database_url: str, **overrides: object) -> Settings:
    """Settings for a test: a free port of the loopback, no delay at the end, no `.env`."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "listen_address": "127.0.0.1:0",
        "metrics_address": OFF,
        "drain_delay": 0.0,
        "redis_url": NO_REDIS,
        **{name.lower(): seconds for name, seconds in UNHURRIED.items()},
        **overrides,
    }
    return _GivenSettings(**values)


class _GivenSettings(Settings):
    """Settings that neither the environment nor a `.env` has a say in."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_args: PydanticBaseSettingsSource,
        **_others: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Returns what is given, alone."""
        del settings_cls
        return (init_settings,)


@asynccontextmanager
async def running_server(
    database_url: str, *, limits: Limits | None = None, exports: Exports | None = None, **overrides: object
) -> AsyncIterator[str]:
    """Runs a server in this process, yields its address. It serves at once, but may not be SERVING yet."""
    async with running(settings(database_url, **overrides), limits=limits, exports=exports) as app:
        yield app.address


@asynccontextmanager
async def exporting(
    database_url: str, *, limits: Limits | None = None, exports: Exports | None = None, **overrides: object
) -> AsyncIterator["ExportServiceAsyncStub"]:
    """Runs a server in this process, yields a stub of its ExportService."""
    async with (
        running_server(database_url, limits=limits, exports=exports, **overrides) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield ExportServiceStub(channel)


def _channel(address: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(address)
    return grpc.aio.secure_channel(address, credentials)


async def wait_for_health(
    address: str,
    *,
    serving: bool = True,
    service: str = "fhirexport.v1.ExportService",
    credentials: grpc.ChannelCredentials | None = None,
) -> None:
    """Waits until the server at an address says that it serves, or that it does not."""
    wanted = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
    async with asyncio.timeout(PATIENCE), _channel(address, credentials) as channel:
        watch = HealthStub(channel).Watch(HealthCheckRequest(service=service), wait_for_ready=True)
        async for answer in watch:
            if answer.status == wanted:
                watch.cancel()
                return
        raise AssertionError("the watch ended before the status came")


@dataclass(frozen=True)
class ServerProcess:
    """`fhirexport-server serve`, running."""

    address: str
    process: Process | Forked
    log_file: Path

    def log(self) -> str:
        """Everything it has written to stderr."""
        return self.log_file.read_text()

    def metrics_address(self) -> str:
        """Where it serves its metrics, which it must."""
        lines = map(json.loads, (line for line in self.log().splitlines() if line.startswith("{")))
        return next(str(line["metrics"]) for line in lines if line["event"] == "listening")

    async def stopped(self, *, send: signal.Signals | None = signal.SIGTERM) -> int:
        """Sends it a signal and waits for it to end; returns its exit status."""
        if send is not None and self.process.returncode is None:
            self.process.send_signal(send)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@dataclass(frozen=True)
class Start:
    """What a process is started with."""

    command: Sequence[str | Path]
    directory: Path
    environment: Mapping[str, str]
    out: IO[bytes]
    log: IO[bytes]


@asynccontextmanager
async def server_process(
    directory: Path, database_url: str, *, serving: bool = True, module: str = "", **variables: str
) -> AsyncIterator[ServerProcess]:
    """Runs the program in a directory, until the end of the context.

    Args:
      directory: Where it runs, and where its log goes.
      database_url: Its DATABASE_URL.
      serving: Whether to wait until it says that it serves.
      module: A module of the tests whose `main` runs it, after it has changed something.
      variables: Other settings, by the names of their variables.
    """
    named = {"DATABASE_URL": database_url, "REDIS_URL": NO_REDIS}
    command = (Path(sys.executable).with_name("fhirexport-server"), "serve")
    async with _program(
        command, directory, serving=serving, variables=named | variables, run=partial(_forked, module=module)
    ) as server:
        yield server


@asynccontextmanager
async def make_serve(directory: Path, **variables: str) -> AsyncIterator[ServerProcess]:
    """Runs what `make serve` runs in a directory, until it serves, until the end of the context.

    What it prints is in `out.log` there.
    """
    command = (Path(sys.executable), ROOT / "client" / "serve.py")
    async with _program(command, directory, serving=True, variables=variables, run=_executed) as server:
        yield server


async def _forked(start: Start, module: str) -> Forked:
    with Path(os.devnull).open("rb") as nothing:  # noqa: ASYNC230 - it keeps nobody waiting
        streams = [stream.fileno() for stream in (nothing, start.out, start.log)]
        return await fork(start.command, start.directory, start.environment, streams, module)


async def _executed(start: Start) -> Process:
    return await asyncio.create_subprocess_exec(
        *start.command,
        cwd=start.directory,
        env=start.environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=start.out,
        stderr=start.log,
    )


@asynccontextmanager
async def _program(
    command: Sequence[str | Path],
    directory: Path,
    *,
    serving: bool,
    variables: Mapping[str, str],
    run: Callable[[Start], Awaitable[Process | Forked]],
) -> AsyncIterator[ServerProcess]:
    environment = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    environment |= {"LISTEN_ADDRESS": "127.0.0.1:0", "DRAIN_DELAY": "0", "METRICS_ADDRESS": OFF}
    log_file = directory / "server.log"
    with log_file.open("wb") as log, (directory / "out.log").open("wb") as out:
        process = await run(Start(command, directory, environment | dict(variables), out, log))
    try:
        server = ServerProcess(await _address(process, log_file), process, log_file)
        if serving:
            await wait_for_health(server.address)
        yield server
        await server.stopped()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _address(process: Process | Forked, log_file: Path) -> str:
    async with asyncio.timeout(PATIENCE):
        while True:
            log = await asyncio.to_thread(log_file.read_text)
            for line in log.splitlines(keepends=True):
                if line.endswith("\n") and line.startswith("{") and json.loads(line)["event"] == "listening":
                    return str(json.loads(line)["address"])
            if process.returncode is not None:
                raise AssertionError(f"the server has ended: {log}")
            await asyncio.sleep(0.05)


def _is_setting(name: str) -> bool:
    return name.lower() in Settings.model_fields
