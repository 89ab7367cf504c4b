"""Shows what the program logs: one access line a call, JSON, and never what an exception says."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ListLegalEntitiesRequest,
    StreamExportRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_VENUES
from support.server import server_process

# Every way in which an exception's text could reach the log.
LEAKS = """
import asyncio, gc, logging, sys
from pathlib import Path
import structlog
from fhirexport_server.telemetry import logs

def leak():
    try:
        raise KeyError("CANARY")
    except KeyError as error:
        raise ValueError("CANARY") from error

async def forgotten():
    async def task():
        leak()
    running = asyncio.create_task(task())
    await asyncio.sleep(0.01)
    del running
    gc.collect()

logs.configure("DEBUG", Path("file.log"))
ours = structlog.stdlib.get_logger("fhirexport_server.test")
try:
    leak()
except ValueError as error:
    ours.exception("one")
    ours.error("two", exc_info=error)
    ours.error("three", exc_info=True, stack_info=True)
    logging.getLogger("grpc._cython.cygrpc").exception("four")
    logging.getLogger("sqlalchemy.pool").error("five", exc_info=error, stack_info=True)
logging.getLogger("sqlalchemy.engine.Engine").info("CANARY is a row")
asyncio.run(forgotten())
"""


async def test_each_call_is_one_line(small_url: str, tmp_path: Path) -> None:
    async with (
        server_process(tmp_path, small_url, LOG_FILE="also.log") as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        stub = ExportServiceStub(channel)
        metadata = (("x-request-id", "r1"),)
        answer = await stub.ExportPatients(ExportPatientsRequest(ej_id=1), metadata=metadata)
        async for _ in stub.StreamExport(StreamExportRequest(ej_id=1, dataset=DATASET_VENUES)):
            pass
        await stub.ListLegalEntities(ListLegalEntitiesRequest())
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.ExportPatients(ExportPatientsRequest(ej_id=7))
        await server.stopped()
    lines = [json.loads(line) for line in server.log().splitlines()]
    calls = [line for line in lines if line["event"] == "call"]
    assert [(call["rpc"], call["code"], call.get("reason")) for call in calls] == [
        ("fhirexport.v1.ExportService/ExportPatients", "OK", None),
        ("fhirexport.v1.ExportService/StreamExport", "OK", None),
        ("fhirexport.v1.ExportService/ListLegalEntities", "OK", None),
        ("fhirexport.v1.ExportService/ExportPatients", "NOT_FOUND", "EJ_NOT_FOUND"),
    ]
    first = calls[0]
    assert first["peer"].startswith("ipv4:127.0.0.1:")
    assert first["ms"] > 0
    assert {name: first[name] for name in ("request_id", "ej_id", "dataset", "format", "source")} == {
        "request_id": "r1",
        "ej_id": 1,
        "dataset": "patients",
        "format": "bundle",
        "source": "database",
    }
    assert f'"{first["etag"]}"' == answer.snapshot.etag
    assert (first["resources"], first["bytes"]) == (1, answer.snapshot.size_bytes)
    assert calls[1]["resources"] == 1
    assert not any("MARTIN" in line for line in server.log().splitlines())
    also = await asyncio.to_thread((tmp_path / "also.log").read_text)
    assert [json.loads(line)["event"] for line in also.splitlines()] == [line["event"] for line in lines]


async def test_the_first_line_has_the_settings_and_no_password(tmp_path: Path) -> None:
    url = "postgresql://export:CANARY@127.0.0.1:9/none?connect_timeout=1"
    async with server_process(tmp_path, url, serving=False, DRAIN_GRACE="7") as server:
        await server.stopped()
    first = json.loads(server.log().splitlines()[0])
    assert (first["DATABASE_URL"], first["DRAIN_GRACE"]) == ("postgresql://127.0.0.1:9/none", 7.0)
    assert "CANARY" not in server.log()


def test_no_exception_is_quoted_by_any_logger(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEAKS], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == [
        "one",
        "two",
        "three",
        "four",
        "five",
        "Task exception was never retrieved",
    ]
    for line in lines:
        assert line["error"] == "ValueError"
        assert line["where"][0] == "ValueError"
        assert "KeyError" in line["where"]
    assert done.stdout == ""
    in_file = (tmp_path / "file.log").read_text()
    assert [json.loads(line)["event"] for line in in_file.splitlines()] == [line["event"] for line in lines]
    assert "CANARY" not in done.stderr + in_file
