"""Measures hits with TLS, a JWT, a policy and the audit trail beside a bare echo over TLS.

Alone: `python -m verification.bench.run audited --rounds 5`.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, ExportPatientsResponse
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import Snapshot
from fhirexport_server.access.access_control import AccessControl
from fhirexport_server.access.policy_file import read
from fhirexport_server.access.right import Action
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.identity import Identity
from rich.table import Table
from support.certificates import Site
from support.server import server_process
from support.tokens import ISSUER, Issuer
from verification.bench.measuring.results import Results

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

Call = Callable[[], Awaitable[object]]
ECHO = Path(__file__).parents[1] / "rivals" / "echo.py"
EJ_ID = 1
CALLERS = 32
CHANNELS = 4
SLICE_SECONDS = 2.0
ALONE = 100
"""Calls of one caller in each round."""
GOAL = 0.6
DECISION_GOAL_US = 50
_OPTIONS = (("grpc.max_receive_message_length", 8 << 20), ("grpc.use_local_subchannel_pool", 1))
_LINE = b"x" * 700 + b"\n"


async def audited(url: str, directory: Path, rounds: int) -> Results:
    """Measures hits of the patients of a database."""
    title = "A hit of {} KB with TLS, JWT, policy and audit, beside a bare echo over TLS"
    table = Table()
    for heading in (
        "echo ms",
        "hit ms",
        "a sync ms",
        "hit to echo + sync",
        f"echo/s, {CALLERS} callers",
        "hits/s",
        "rate to echo",
        "right us",
    ):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory(dir=directory) as name:
        place = Path(name)
        async with _both(url, place) as (echo, hit, size):
            table.title = title.format(f"{size / 1000:,.0f}")
            alone = await _alone([part[0] for part in (echo, hit)], rounds)
            rates = await _together((echo, hit), rounds)
        sync = await asyncio.to_thread(_sync_seconds, place)
    decision = await asyncio.to_thread(_decision_seconds)
    echo_ms, hit_ms, sync_ms = (seconds * 1000 for seconds in (*alone, sync))
    figures: dict[str, object] = {
        "echo ms": echo_ms,
        "hit ms": hit_ms,
        "sync ms": sync_ms,
        "echo/s": rates[0],
        "hits/s": rates[1],
        "right us": decision * 1e6,
    }
    table.add_row(
        f"{echo_ms:.2f}",
        f"{hit_ms:.2f}",
        f"{sync_ms:.2f}",
        f"{hit_ms / (echo_ms + sync_ms):.2f}x",
        f"{rates[0]:,.0f}",
        f"{rates[1]:,.0f}",
        f"{rates[1] / rates[0]:.2f}x (goal >= {GOAL})",
        f"{decision * 1e6:.1f} (goal < {DECISION_GOAL_US})",
    )
    return Results([table], figures)


@asynccontextmanager
async def _both(url: str, place: Path) -> AsyncIterator[tuple[list[Call], list[Call], int]]:
    """Yields calls of the echo and of the server, one for each channel, and the size of their answer."""
    site, issuer = Site(place), Issuer(place)
    policy, token = place / "policy.toml", issuer.token(exp=timedelta(hours=1))
    policy.write_text(
        f'[[callers]]\nname = "a"\njwt = {{ issuer = "{ISSUER}", subject = "laboratory" }}\n'
        f'rights = ["export:patients:ej:id:{EJ_ID}"]\n'
    )
    given = site.settings(mutual=False) | issuer.settings(policy_file=policy)
    variables = {name.upper(): str(value) for name, value in given.items()}
    variables["AUDIT_DIRECTORY"] = str(place / "audit")
    request, shown = ExportPatientsRequest(ej_id=EJ_ID), (("authorization", f"Bearer {token}"),)
    async with (
        server_process(place, url, serving=False, **variables) as server,
        AsyncExitStack() as stack,
    ):
        stubs = await _stubs(stack, server.address, site)
        await stubs[0].ExportPatients(request, metadata=shown, wait_for_ready=True)
        answer: ExportPatientsResponse = await stubs[0].ExportPatients(request, metadata=shown)
        if answer.snapshot.source != Snapshot.SOURCE_CACHE:
            raise SystemExit("the second answer was no hit")
        file = place / "answer"
        file.write_bytes(answer.SerializeToString())
        echoes = await _stubs(stack, await stack.enter_async_context(_echo(file, site)), site)
        yield (
            [partial(stub.ExportPatients, request, wait_for_ready=True) for stub in echoes],
            [partial(stub.ExportPatients, request, metadata=shown) for stub in stubs],
            answer.ByteSize(),
        )


async def _stubs(stack: AsyncExitStack, address: str, site: Site) -> "list[ExportServiceAsyncStub]":
    credentials = site.credentials(named=False)
    return [
        ExportServiceStub(
            await stack.enter_async_context(grpc.aio.secure_channel(address, credentials, _OPTIONS))
        )
        for _ in range(CHANNELS)
    ]


@asynccontextmanager
async def _echo(file: Path, site: Site) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, ECHO, file, site.certificate, site.key, stdout=PIPE
    )
    try:
        if process.stdout is None:
            raise SystemExit("the echo has no output")
        yield f"127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.terminate()
        await process.wait()


async def _alone(calls: list[Call], rounds: int) -> list[float]:
    """Returns the median seconds of each call, made by one caller."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds * ALONE):
        for call, seconds in zip(calls, taken, strict=True):
            start = time.perf_counter()
            await call()
            seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in taken]


async def _together(ways: tuple[list[Call], ...], rounds: int) -> list[float]:
    """Returns the calls per second of each way, made by many callers: the median of rounds."""
    rates: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for calls, found in zip(ways, rates, strict=True):
            found.append(await _rate(calls))
    return [statistics.median(found) for found in rates]


async def _rate(calls: list[Call]) -> float:
    start = time.perf_counter()
    until = start + SLICE_SECONDS

    async def caller(call: Call) -> int:
        count = 0
        while time.perf_counter() < until:
            await call()
            count += 1
        return count

    counts = await asyncio.gather(*(caller(calls[number % len(calls)]) for number in range(CALLERS)))
    return sum(counts) / (time.perf_counter() - start)


def _sync_seconds(place: Path) -> float:
    """Returns the median seconds of one line that is appended and synced, by itself."""
    descriptor = os.open(place / "line", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    taken = []
    try:
        for _ in range(300):
            start = time.perf_counter()
            os.write(descriptor, _LINE)
            os.fdatasync(descriptor)
            taken.append(time.perf_counter() - start)
    finally:
        os.close(descriptor)
    return statistics.median(taken)


def _decision_seconds() -> float:
    """Returns the median seconds of one check of a right, with two hundred callers in the policy."""
    tables = (
        f'[[callers]]\nname = "c{number}"\njwt = {{ issuer = "{ISSUER}", subject = "c{number}" }}\n'
        f'rights = ["export:patients:ej:id:{number}", "watch:*:ej:id:{number}"]\n'
        for number in range(1, 201)
    )
    control = AccessControl(read("\n".join(tables).encode(), Path("policy.toml")))
    scopes = frozenset({"system/Patient.rs", "system/Encounter.rs"})
    identity = Identity("jwt", "c150", ISSUER, scopes=scopes)
    taken = []
    for number in range(20_000):
        start = time.perf_counter()
        control.decide(identity, Action.EXPORT, 150 - number % 2, Dataset.PATIENTS)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
