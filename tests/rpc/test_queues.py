"""Shows that a check of the health and an export do not wait behind a flood of calls of other methods."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from fhirexport.v1 import import_service_pb2 as import_pb
from fhirexport.v1.export_service_pb2 import ListLegalEntitiesRequest
from grpc_health.v1.health_pb2 import HealthCheckRequest
from support import attacking
from support.attacking import Connection, framed
from support.server import PATIENCE, running_server

CONNECTIONS = 8
CALLS = 100
"""Of a connection: as many as it may have at once."""
BUNDLE = "/fhirexport.v1.ImportService/ImportBundle"
REFUSED = framed(import_pb.ImportBundleRequest(bundle="[]").SerializeToString())
ASKED = (
    ("/grpc.health.v1.Health/Check", HealthCheckRequest(service="").SerializeToString()),
    (
        "/fhirexport.v1.ExportService/ListLegalEntities",
        ListLegalEntitiesRequest(page_size=1).SerializeToString(),
    ),
)


@pytest.mark.parametrize(("path", "message"), ASKED)
async def test_a_call_is_not_behind_others_of_another_method(
    path: str, message: bytes, small_url: str
) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        running_server(small_url) as address,
        AsyncExitStack() as stack,
    ):
        flood = [await stack.enter_async_context(attacking.connected(address)) for _ in range(CONNECTIONS)]
        asking = await stack.enter_async_context(attacking.connected(address))
        numbers = [await _begun(connection) for connection in flood]
        for connection, calls in zip(flood, numbers, strict=True):
            for number in calls:
                await connection.send(number, REFUSED, end=True)
        answered = await asking.answered(await asking.call(path, message))
        assert answered.status == "0"
        ended = sum(stream.ended.is_set() for connection in flood for stream in connection.streams.values())
        assert ended < CONNECTIONS * CALLS / 5  # in one queue, over 300 were answered before


async def _begun(connection: Connection) -> list[int]:
    """Begin calls that have their headers alone."""
    return [await connection.call(BUNDLE, end=False) for _ in range(CALLS)]
