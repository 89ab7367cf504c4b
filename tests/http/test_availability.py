"""Shows what callers over HTTP get while the server is slow, gone, or back."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from support.envoy import Answer, Envoy, running_envoy
from support.locks import locked, until_waiting
from support.server import PATIENCE, running_server, wait_for_health

ENTITIES = "/api/fhir/entities"


async def _until(envoy: Envoy, status: int, message: str | None = None) -> Answer:
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await envoy.ask(ENTITIES)
            if answer.status == status and message in {None, answer.json.get("message")}:
                return answer
            await asyncio.sleep(0.05)


async def test_without_the_server_it_is_503_and_it_recovers(small_url: str, tmp_path: Path) -> None:
    async with running_server(small_url) as server:
        await wait_for_health(server)
    async with running_envoy(tmp_path, server) as envoy:
        gone = await envoy.ask(ENTITIES, x_request_id="r7")
        assert (gone.status, gone.headers["x-request-id"]) == (503, "r7")
        assert gone.json == {
            "code": 14,
            "message": "The server or its database does not answer: try again later.",
            "details": [],
        }
        async with running_server(small_url, listen_address=server):
            await _until(envoy, 200)
        await _until(envoy, 503)
        async with running_server(small_url, listen_address=server):
            await _until(envoy, 200)


async def test_a_server_that_says_it_does_not_serve_is_not_asked(tmp_path: Path) -> None:
    async with running_server(f"sqlite:///{tmp_path}/none.db") as server:
        await wait_for_health(server, serving=False)
        async with running_envoy(tmp_path, server) as envoy:
            answer = await envoy.ask(ENTITIES)
    # It is not Envoy's to ask: the server itself would say DATABASE_UNAVAILABLE, in the details.
    assert (answer.status, answer.json["details"]) == (503, [])


@pytest.mark.long
async def test_streams_and_watches_have_more_time_than_a_message(
    new_small: Callable[[str], str], tmp_path: Path
) -> None:
    url = new_small("postgresql")
    async with running_server(url) as server:
        await wait_for_health(server)
        async with running_envoy(tmp_path, server, replace={"timeout: 35s": "timeout: 0.5s"}) as envoy:
            async with locked(url, "patient_contact"), grpc.aio.insecure_channel(envoy.address) as channel:
                watch = HealthStub(channel).Watch(HealthCheckRequest(service=""))
                assert (await watch.read()).status == HealthCheckResponse.SERVING
                stream = asyncio.create_task(envoy.ask("/api/fhir/stream/DATASET_PATIENTS/1"))
                await until_waiting(url)
                message = await envoy.ask("/api/fhir/export/patients/1")
                assert not watch.done()
            streamed = await stream
    assert message.status == 504
    assert message.json == {"code": 4, "message": "The server did not answer in time.", "details": []}
    assert "finished" in json.loads(streamed.text.splitlines()[-1])
