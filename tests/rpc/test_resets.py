"""Shows that callers who leave in the middle are no errors of the server, and leave nothing behind."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fhirexport.v1 import import_service_pb2 as pb
from fhirexport.v1.export_service_pb2 import ExportStructureRequest, StreamExportRequest
from fhirexport.v1.types_pb2 import DATASET_VENUES
from fhirexport_server.app import running
from fhirexport_server.rpc.interceptors import chain
from structlog.testing import capture_logs
from support import attacking
from support.attacking import Connection, framed
from support.metrics import read
from support.server import PATIENCE, server_process, settings

EXPORT = "/fhirexport.v1.ExportService/"
IMPORT = "/fhirexport.v1.ImportService/"
STRUCTURE = ExportStructureRequest(ej_id=1).SerializeToString()
STREAM = StreamExportRequest(ej_id=1, dataset=DATASET_VENUES).SerializeToString()
LINE = {
    "resourceType": "Patient",
    "identifier": [{"use": "usual", "system": "urn:test", "value": "1"}],
    "gender": "female",
    "birthDate": "1980-01-01",
}
UPLOAD = b"".join(
    framed(message.SerializeToString())
    for message in (
        pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1)),
        pb.ImportResourcesRequest(chunk=json.dumps(LINE).encode() + b"\n"),
    )
)


async def _upload(connection: Connection) -> int:
    """Sends an import that is whole, but for its end."""
    stream = await connection.call(f"{IMPORT}ImportResources", end=False)
    await connection.send(stream, UPLOAD)
    return stream


async def _bundle(connection: Connection) -> int:
    stream = await connection.call(f"{IMPORT}ImportBundle", end=False)
    await connection.send(stream, framed(bytes(1_000_000))[:500_000])
    return stream


async def _export(connection: Connection) -> int:
    return await connection.call(f"{EXPORT}ExportStructure", STRUCTURE)


async def _stream(connection: Connection) -> int:
    return await connection.call(f"{EXPORT}StreamExport", STREAM)


@pytest.mark.long
@pytest.mark.parametrize("begun", [_upload, _bundle, _export, _stream])
@pytest.mark.parametrize("drops", [False, True])
async def test_a_caller_that_leaves_is_no_error(
    begun: Callable[[Connection], Awaitable[int]], sixty_url: str, tmp_path: Path, *, drops: bool
) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        server_process(tmp_path, sixty_url, METRICS_ADDRESS="127.0.0.1:0") as server,
    ):
        for turn in range(40):
            async with attacking.connected(server.address, window=1000, grants=False) as connection:
                for number in range(5):
                    stream = await begun(connection)
                    await asyncio.sleep(0.003 * ((turn + number) % 4))
                    if not drops:
                        await connection.reset(stream)
                if drops:
                    connection.abort()
        page = await read(server.metrics_address())
        while page.value("fhirexport_calls_in_progress", places="calls"):
            page = await read(server.metrics_address())
        # A call that was over before anybody left is as well as it can be.
        assert page.counted("grpc_server_handled_total", "grpc_code").keys() <= {("Canceled",), ("OK",)}
        assert page.counted("fhirexport_imported_resources_total", "outcome") == {}
        assert page.counted("fhirexport_import_problems_total", "severity") == {}
        lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
        assert {line["event"] for line in lines if line["level"] != "info"} <= {"cache_unavailable"}
        assert [line for line in server.log().splitlines() if not line.startswith("{")] == []


@pytest.mark.parametrize("seconds", [60.0, 0.0], ids=["soon", "late"])
async def test_callers_that_leave_before_their_request_has_come_are_logged_only_late(
    seconds: float, sixty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each call of a storm would keep others waiting."""
    monkeypatch.setattr(chain, "_SOON_SECONDS", seconds)
    with capture_logs() as lines:
        async with running(settings(sixty_url, metrics_address="127.0.0.1:0")) as app:
            metrics = str(app.metrics_address)

            async def in_progress(count: int) -> None:
                async with asyncio.timeout(PATIENCE):
                    while (await read(metrics)).value(
                        "fhirexport_calls_in_progress", places="calls"
                    ) != count:
                        await asyncio.sleep(0.02)

            async with attacking.connected(app.address) as connection:
                streams = [await _bundle(connection) for _ in range(5)]
                await in_progress(5)
                for stream in streams:
                    await connection.reset(stream)
                await in_progress(0)
            page = await read(metrics)
    logged = [line["code"] for line in lines if line["event"] == "call"]
    handled = sum(page.counted("grpc_server_handled_total", "grpc_code", grpc_method="ImportBundle").values())
    left = page.value("fhirexport_calls_left_total")
    assert (len(logged), handled, left) == ((0, 0, 5) if seconds else (5, 5, 0))
