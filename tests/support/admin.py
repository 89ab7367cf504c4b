"""A server as an operator reaches it: CacheAdmin beside the exports, with a real Valkey behind it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.cache_admin_pb2 import (
    GetHealthRequest,
    GetHealthResponse,
    WarmRequest,
    WarmResponse,
)
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminStub
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ExportVenuesRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.redis.redis_cache import RedisCache
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from structlog.testing import capture_logs

from support.renderings import new, rendering
from support.server import PATIENCE, running_server, wait_for_health
from support.status import Refused
from support.status import refused as read_refusal
from support.valkey import Valkey

if TYPE_CHECKING:
    from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminAsyncStub
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub


class Server:
    """A server, as an operator reaches it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.admin: CacheAdminAsyncStub = CacheAdminStub(channel)
        self.exports: ExportServiceAsyncStub = ExportServiceStub(channel)

    async def hit(self, dataset: str = "venues", ej_id: int = 1) -> bool:
        """Exports; says whether the cache answered."""
        match dataset:
            case "venues":
                answer: Any = await self.exports.ExportVenues(ExportVenuesRequest(ej_id=ej_id))
            case "patients":
                answer = await self.exports.ExportPatients(ExportPatientsRequest(ej_id=ej_id))
            case _:
                answer = await self.exports.ExportStructure(ExportStructureRequest(ej_id=ej_id))
        return bool(answer.snapshot.source == types.Snapshot.SOURCE_CACHE)

    async def becomes(self, state: int) -> GetHealthResponse:
        """Waits until the cache is in a state."""
        async with asyncio.timeout(PATIENCE):
            while (health := await self.admin.GetHealth(GetHealthRequest())).state != state:
                await asyncio.sleep(0.05)
        return health

    async def warmed(self, **request: Any) -> list[WarmResponse]:
        return [report async for report in self.admin.Warm(WarmRequest(**request))]


@asynccontextmanager
async def serving(url: str, redis_url: str, **settings: Any) -> AsyncIterator[Server]:
    async with (
        running_server(url, redis_url=redis_url, **settings) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        await wait_for_health(address)
        yield Server(channel)


async def refused(answer: Awaitable[object]) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer
    return read_refusal(caught.value)


async def kept(valkey: Valkey, count: int) -> None:
    """Waits until Redis holds so many renderings."""
    async with asyncio.timeout(PATIENCE):
        with valkey.client() as client:
            while len(list(client.scan_iter(match="fhir:export:*"))) < count:
                await asyncio.sleep(0.01)


async def fill(cache: RedisCache, count: int) -> None:
    one = rendering(size=50, segments=1)
    for start in range(1, count, 200):
        with capture_logs():  # or each of them is a line
            await asyncio.gather(
                *(
                    cache.publish(Variant(ej_id, Dataset.VENUES, Format.BUNDLE, Detail.SUMMARY), new(one))
                    for ej_id in range(start, start + 200)
                )
            )
