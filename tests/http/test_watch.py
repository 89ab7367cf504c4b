"""Shows that a watch goes through Envoy: each message at once, as a line of JSON."""

import asyncio
import json
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from sqlalchemy import text
from support.envoy import running_envoy
from support.rows import writing
from support.server import PATIENCE, running_server, wait_for_health

REQUEST = json.dumps({"exports": [{"ej_id": 1, "dataset": "DATASET_PATIENTS"}]})


def _write(url: str) -> None:
    with writing(url) as connection:
        connection.execute(text("UPDATE patient SET used_family = 'DURAND'"))


def _begun(connection: HTTPConnection) -> HTTPResponse:
    connection.request("POST", "/api/fhir/watch", REQUEST)
    return connection.getresponse()


async def _told(answer: HTTPResponse) -> dict[str, Any]:
    (told,) = json.loads(await asyncio.to_thread(answer.readline))["exports"]
    assert isinstance(told, dict)
    return told


async def test_a_watch_is_a_line_for_each_message(small_url: str, tmp_path: Path) -> None:
    async with running_server(small_url) as server:
        await wait_for_health(server)
        async with running_envoy(tmp_path, server) as envoy:
            connection = HTTPConnection("127.0.0.1", envoy.port, timeout=PATIENCE)
            answer = await asyncio.to_thread(_begun, connection)
            assert answer.status == 200
            first = await _told(answer)
            assert (first["ej_id"], first["dataset"]) == ("1", "DATASET_PATIENTS")
            await asyncio.to_thread(_write, small_url)
            # Before the answer has ended.
            assert (await _told(answer))["revision"] != first["revision"]
            answer.close()
            connection.close()
