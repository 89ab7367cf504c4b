"""The operator's view of the cache, for asyncio programs."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import grpc

from fhirexport._internal import channels, requests
from fhirexport._internal.calls import PLAIN, CallArguments, Calls
from fhirexport.cache_models import CacheEntry, CacheHealth, CacheStats, Dataset, Invalidation, Warmed
from fhirexport.errors import from_rpc
from fhirexport.v1 import cache_admin_pb2

if TYPE_CHECKING:
    from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminAsyncStub  # exists for type checkers only

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class AsyncCache:
    """The export cache, as an operator sees it. Every method raises ExportError where it fails."""

    def __init__(self, stub: "CacheAdminAsyncStub", calls: Calls = PLAIN) -> None:
        self._stub = stub
        self._calls = calls

    async def stats(self) -> CacheStats:
        """Return how full the cache is and how often it answers."""
        return CacheStats.from_message(
            await _call(
                self._stub.GetStats,
                cache_admin_pb2.GetStatsRequest(),
                self._calls.arguments(channels.CACHE_SECONDS),
            )
        )

    async def health(self) -> CacheHealth:
        """Return whether Redis can be used; answers also when it cannot."""
        return CacheHealth.from_message(
            await _call(
                self._stub.GetHealth,
                cache_admin_pb2.GetHealthRequest(),
                self._calls.arguments(channels.HEALTH_SECONDS),
            )
        )

    async def entries(self, pattern: str | None = None) -> AsyncIterator[CacheEntry]:
        """Yield the cached entries whose key matches a glob, all without one, in no particular order.

        An entry that is added or deleted meanwhile may be left out, and one may come twice.
        """
        token = ""
        while True:
            page = await _call(
                self._stub.ListEntries,
                requests.list_entries(pattern, token),
                self._calls.arguments(channels.CACHE_SECONDS),
            )
            for message in page.entries:
                yield CacheEntry.from_message(message)
            token = page.next_page_token
            if not token:
                return

    async def invalidate(self, pattern: str, *, dry_run: bool = False, reason: str = "") -> Invalidation:
        """Invalidate the entries whose key matches a glob, in every process, then delete them.

        Args:
            pattern: the glob, such as `fhir:export:*:ej:1`.
            dry_run: only return what would be deleted.
            reason: why, for the server's audit table.
        """
        response = await _call(
            self._stub.Invalidate,
            requests.invalidation(pattern, reason, dry_run=dry_run),
            self._calls.arguments(channels.CACHE_SECONDS),
        )
        return Invalidation.from_message(response)

    async def flush(self, *, reason: str = "") -> Invalidation:
        """Invalidate every entry of this service, and no other keys of Redis, then delete them."""
        response = await _call(
            self._stub.Flush,
            cache_admin_pb2.FlushRequest(reason=reason),
            self._calls.arguments(channels.CACHE_SECONDS),
        )
        return Invalidation.from_message(response)

    async def warm(
        self, ej_ids: Sequence[int] = (), datasets: Sequence[Dataset] = ()
    ) -> AsyncGenerator[Warmed, None]:
        """Render exports into the cache, all unless some are named, and yield each as it is done.

        One that fails is yielded with its `error`, and the next one is tried.
        """
        call = self._stub.Warm(requests.warming(ej_ids, datasets), **self._calls.arguments())
        try:
            async for message in call:
                yield Warmed.from_message(message)
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error) from error
        finally:
            call.cancel()


async def _call(
    method: "grpc.aio.UnaryUnaryMultiCallable[RequestT, ResponseT]",
    request: RequestT,
    arguments: CallArguments,
) -> ResponseT:
    try:
        return await method(request, **arguments)
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from error
