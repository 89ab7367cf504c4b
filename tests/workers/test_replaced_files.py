"""Shows that a policy and a certificate that are replaced count in every worker, without a restart."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ExportStructureRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.certificates.throwaway import Authority
from support.callers import Guarded
from support.certificates import NAMES, Site
from support.metrics import read
from support.server import PATIENCE, ServerProcess, server_process

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
WORKERS = 2
CONNECTIONS = 24
ALLOWED, DENIED, UNREACHABLE = (
    grpc.StatusCode.OK,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAVAILABLE,
)


@asynccontextmanager
async def _serving(guarded: Guarded, url: str, directory: Path) -> AsyncIterator[ServerProcess]:
    files = {name.upper(): str(path) for name, path in guarded.site.settings().items()}
    async with server_process(
        directory,
        url,
        serving=False,
        WORKERS=str(WORKERS),
        METRICS_ADDRESS="127.0.0.1:0",
        POLICY_FILE=str(guarded.path),
        **files,
    ) as server:
        await _until(server, "fhirexport_workers", WORKERS)
        await _until(server, "fhirexport_serving", 1, grpc_service="fhirexport.v1.ExportService")
        yield server


async def _until(server: ServerProcess, metric: str, expected: float, **labels: str) -> None:
    async with asyncio.timeout(2 * PATIENCE):  # two processes start, or look at their files
        while (await read(server.metrics_address())).series.get(
            (metric, frozenset(labels.items()))
        ) != expected:
            await asyncio.sleep(0.05)


async def _answers(site: Site, address: str, trusted: Authority) -> dict[grpc.StatusCode, int]:
    """Ask over each of several new connections, which are spread over the workers; count the statuses."""
    certificate, key = site.authority.client("a.test")
    credentials = grpc.ssl_channel_credentials(trusted.pem, key, certificate)
    options = [("grpc.use_local_subchannel_pool", 1)]
    counted: Counter[grpc.StatusCode] = Counter()
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            channel = await stack.enter_async_context(grpc.aio.secure_channel(address, credentials, options))
            call = ExportServiceStub(channel).ExportStructure(
                ExportStructureRequest(ej_id=1), timeout=PATIENCE
            )
            counted[await call.code()] += 1
    return counted


async def _answering(server: ServerProcess, since: int) -> set[int]:
    """Return which workers have answered the calls after the first so many, once all are in the log."""
    async with asyncio.timeout(PATIENCE):
        while True:
            lines = [
                json.loads(line) for line in server.log().splitlines(keepends=True) if line.endswith("}\n")
            ]
            calls = [line["worker"] for line in lines if line["event"] == "call"]
            if len(calls) >= since + CONNECTIONS:
                return set(calls[since:])
            await asyncio.sleep(0.05)


async def test_a_new_policy_counts_in_every_worker(sixty_url: str, tmp_path: Path) -> None:
    guarded = Guarded(Site(tmp_path), {"a": ["export:structure:*"]})
    async with _serving(guarded, sixty_url, tmp_path) as server:
        trusted = guarded.site.authority
        assert await _answers(guarded.site, server.address, trusted) == {ALLOWED: CONNECTIONS}
        assert await _answering(server, 0) == {1, 2}
        guarded.write({"a": ["export:venues:*"]})
        await _until(server, "fhirexport_policy_loads_total", WORKERS, outcome="loaded")
        assert await _answers(guarded.site, server.address, trusted) == {DENIED: CONNECTIONS}
        assert await _answering(server, CONNECTIONS) == {1, 2}
        guarded.path.write_text("no TOML")
        await _until(server, "fhirexport_policy_loads_total", WORKERS, outcome="refused")
        assert await _answers(guarded.site, server.address, trusted) == {DENIED: CONNECTIONS}


async def test_a_new_certificate_is_shown_by_every_worker(sixty_url: str, tmp_path: Path) -> None:
    guarded, other = Guarded(Site(tmp_path), {"a": ["export:structure:*"]}), Authority()
    site = guarded.site
    async with _serving(guarded, sixty_url, tmp_path) as server:
        assert await _answers(site, server.address, site.authority) == {ALLOWED: CONNECTIONS}
        site.install(*other.server(NAMES))
        await _until(server, "fhirexport_certificate_loads_total", WORKERS, outcome="loaded")
        assert await _answers(site, server.address, other) == {ALLOWED: CONNECTIONS}
        assert await _answering(server, CONNECTIONS) == {1, 2}
        assert await _answers(site, server.address, site.authority) == {UNREACHABLE: CONNECTIONS}
