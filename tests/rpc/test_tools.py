"""Shows that the tools people use work against the server as it is: grpcurl and buf, by reflection alone."""

import asyncio
import json
import re
import sys
from pathlib import Path

import grpc
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub
from support.server import running_server

BIN = Path(sys.executable).parent


async def _run(*arguments: str) -> tuple[int, str, str]:
    program = await asyncio.create_subprocess_exec(
        BIN / arguments[0],
        *arguments[1:],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await program.communicate()
    return program.returncode or 0, out.decode(), err.decode()


async def test_reflection_lists_every_service(small_url: str) -> None:
    async with running_server(small_url) as address:
        _, out, _ = await _run("grpcurl", "-plaintext", address, "list")
    assert out.split() == [
        "fhirexport.v1.CacheAdmin",
        "fhirexport.v1.ExportService",
        "fhirexport.v1.ImportService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    ]


async def test_grpcurl_shows_an_export_with_the_names_that_scripts_rely_on(small_url: str) -> None:
    async with running_server(small_url) as address:
        method = "fhirexport.v1.ExportService/ExportStructure"
        _, out, _ = await _run("grpcurl", "-plaintext", "-d", '{"ej_id": 1}', address, method)
    answer = json.loads(out)
    assert answer["snapshot"]["source"] == "SOURCE_DATABASE"
    assert answer["snapshot"]["resource_count"] == 3
    assert json.loads(answer["json"])["resourceType"] == "Bundle"


async def test_grpcurl_shows_an_error_with_its_details(small_url: str) -> None:
    async with running_server(small_url) as address:
        method = "fhirexport.v1.ExportService/ExportPatients"
        status, _, err = await _run(
            "grpcurl", "-plaintext", "-H", "x-request-id: r7", "-d", '{"ej_id": 7}', address, method
        )
    assert status == 64 + 5
    assert '"reason":"EJ_NOT_FOUND"' in err
    assert '"metadata":{"ej_id":"7","request_id":"r7"}' in err


async def test_buf_streams_an_export(small_url: str) -> None:
    async with running_server(small_url) as address:
        url = f"http://{address}/fhirexport.v1.ExportService/StreamExport"
        asked = '{"ej_id": 1, "dataset": "DATASET_PATIENTS"}'
        status, out, _ = await _run(
            "buf", "curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", asked, url
        )
    events = [json.loads(event) for event in re.split(r"(?<=\})\n(?=\{)", out.strip())]
    assert status == 0
    assert [next(iter(event)) for event in events] == ["started", "chunk", "finished"]


async def test_reflection_that_has_answered_ends_well(small_url: str) -> None:
    async with running_server(small_url) as address, grpc.aio.insecure_channel(address) as channel:
        call = ServerReflectionStub(channel).ServerReflectionInfo(
            iter(
                [ServerReflectionRequest(list_services=""), ServerReflectionRequest(file_by_filename="none")]
            )
        )
        assert len([answer async for answer in call]) == 2
        assert await call.code() is grpc.StatusCode.OK
