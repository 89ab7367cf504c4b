"""Shows that the tools people use work against the server as it is: grpcurl and buf, by reflection alone."""

import asyncio
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from support.server import running_server, wait_for_health
from support.valkey import Valkey

BIN = Path(sys.executable).parent
DOCUMENTED = re.findall(r"^\$ (.*)$", (Path(__file__).parents[2] / "docs/api.md").read_text(), re.MULTILINE)


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


@pytest.mark.parametrize("line", DOCUMENTED)
async def test_a_documented_line_works(line: str, small_url: str, valkey: Valkey) -> None:
    command = shlex.split(line.partition(" | ")[0])
    async with running_server(small_url, redis_url=valkey.url) as address:
        await wait_for_health(address)
        status, out, err = await _run(*(word.replace("localhost:50051", address) for word in command))
    assert (status, err) == (0, "")
    # An empty cache has nothing to list, and JSON says so with {}.
    assert out.strip()


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
