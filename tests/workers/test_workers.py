"""Shows what several processes on one port do: the program that is shipped, killed and told to end."""

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from fhirexport import AsyncClient
from fhirexport.v1.export_service_pb2 import ExportStructureRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from support.command import run
from support.metrics import Page, read
from support.server import PATIENCE, ServerProcess, server_process

PROGRAM = Path(sys.executable).with_name("fhirexport-server")
WORKERS = 2
FREE: Any = {"WORKERS": str(WORKERS), "METRICS_ADDRESS": "127.0.0.1:0"}
STRUCTURE = {"grpc_service": "fhirexport.v1.ExportService", "grpc_method": "ExportStructure"}


def _workers(server: ServerProcess) -> set[int]:
    return {child.pid for child in psutil.Process(server.process.pid).children()}


def _lines(server: ServerProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log().splitlines(keepends=True) if line.endswith("}\n")]


def _events(server: ServerProcess) -> list[str]:
    return [line["event"] for line in _lines(server)]


async def _until_exports(server: ServerProcess, number: int) -> Page:
    """The page, once it says that all exports have ended: a call is counted after it was answered."""
    async with asyncio.timeout(PATIENCE):
        while True:
            page = await read(server.metrics_address())
            if page.counted("grpc_server_handled_total", **STRUCTURE).get((), 0) >= number:
                return page
            await asyncio.sleep(0.05)


async def _structures(address: str, connections: int) -> None:
    """Ask once over each of several connections, which are spread over the workers."""
    async with AsyncExitStack() as stack:
        for _ in range(connections):
            options = [("grpc.use_local_subchannel_pool", 1)]
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, options=options))
            await ExportServiceStub(channel).ExportStructure(
                ExportStructureRequest(ej_id=1), wait_for_ready=True
            )


@pytest.mark.long
async def test_workers_share_the_calls_and_what_they_count_survives_them(
    sixty_url: str, tmp_path: Path
) -> None:
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind(str(tmp_path / "notify"))
    notified.settimeout(PATIENCE)
    with notified:
        async with server_process(
            tmp_path, sixty_url, **FREE, LOG_FILE="all.log", NOTIFY_SOCKET=str(tmp_path / "notify")
        ) as server:
            assert await asyncio.to_thread(notified.recv, 100) == b"READY=1"
            first = _workers(server)
            assert len(first) == WORKERS
            await _structures(server.address, 24)
            page = await _until_exports(server, 24)
            assert page.counted("grpc_server_handled_total", **STRUCTURE) == {(): 24}
            assert page.value("fhirexport_workers") == WORKERS
            assert page.value("fhirexport_rendering_places") == 4
            ended = [line for line in _lines(server) if line["event"] == "call"]
            assert {line["worker"] for line in ended} == {1, 2}

            killed = min(first)
            psutil.Process(killed).kill()
            async with asyncio.timeout(PATIENCE):
                while not (killed not in _workers(server) and len(_workers(server)) == WORKERS):
                    await asyncio.sleep(0.05)
                while (page := await read(server.metrics_address())).value("fhirexport_workers") < WORKERS:
                    await asyncio.sleep(0.05)
            assert page.counted("grpc_server_handled_total", **STRUCTURE) == {(): 24}
            assert page.value("fhirexport_worker_restarts_total", reason="died") == 1
            await _structures(server.address, 1)
            assert await server.stopped() == 0
            assert await asyncio.to_thread(notified.recv, 100) == b"STOPPING=1"
    assert not any(map(psutil.pid_exists, first))
    events = _events(server)
    assert events[0] == "starting"
    assert events[-1] == "stopped"
    assert events.count("worker_died") == 1
    assert "internal_error" not in events
    assert (tmp_path / "all.log").read_text().splitlines() == server.log().splitlines()


@pytest.mark.long
async def test_workers_end_when_their_parent_is_killed(sixty_url: str, tmp_path: Path) -> None:
    async with server_process(tmp_path, sixty_url, **FREE) as server:
        workers = [psutil.Process(pid) for pid in _workers(server)]
        async with AsyncClient(server.address) as client:
            await client.structure(1).read()
            assert await server.stopped(send=signal.SIGKILL) == -signal.SIGKILL
            _, alive = await asyncio.to_thread(psutil.wait_procs, workers, PATIENCE)
            assert alive == []
    with socket.socket() as probe:
        host, _, port = server.address.rpartition(":")
        assert probe.connect_ex((host, int(port))) != 0


@pytest.mark.parametrize("wrong", ["TLS_CERTIFICATE", "LISTEN_ADDRESS"])
async def test_what_keeps_workers_from_starting_is_said_once(wrong: str, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("CANARY")
    settings = {"TLS_CERTIFICATE": "key.pem", "TLS_KEY": "key.pem"}
    if wrong == "LISTEN_ADDRESS":
        settings = {"LISTEN_ADDRESS": "192.0.2.1:0", "INSECURE": "true"}
    status, _, err = await run(
        (PROGRAM, "serve", "--workers", "2"), tmp_path, os.environ | settings | {"METRICS_ADDRESS": "off"}
    )
    said = [line for line in err.splitlines() if not line.startswith("{")]
    assert len(said) == 1
    assert wrong in said[0]
    assert status == (2 if wrong == "TLS_CERTIFICATE" else 1)
    assert "CANARY" not in err
