"""Owns looking after the cache, for asyncio programs: input and output only."""

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

Q = TypeVar("Q")
A = TypeVar("A")


class AsyncCache:
    """The export cache, as an operator sees it. Every method raises ExportError where it fails."""

    def __init__(self, stub: "CacheAdminAsyncStub", calls: Calls = PLAIN) -> None:
        self._stub = stub
        self._calls = calls

    async def stats(self) -> CacheStats:
        """Returns how full the cache is and how often it answers."""
        return CacheStats.from_message(
            await _answer(
                self._stub.GetStats,
                cache_admin_pb2.GetStatsRequest(),
                self._calls.arguments(channels.CACHE_SECONDS),
            )
        )

    async def health(self) -> CacheHealth:
        """Returns whether the cache can be reached; does not fail when it cannot."""
        return CacheHealth.from_message(
            await _answer(
                self._stub.GetHealth,
                cache_admin_pb2.GetHealthRequest(),
                self._calls.arguments(channels.HEALTH_SECONDS),
            )
        )

    async def entries(self, pattern: str | None = None) -> AsyncIterator[CacheEntry]:
        """Yields what is cached, in no particular order; of those only that a glob on the key names.

        An entry that comes or goes in the meantime may be left out, and one may come twice.
        """
        token = ""
        while True:
            page = await _answer(
                self._stub.ListEntries,
                requests.cached(pattern, token),
                self._calls.arguments(channels.CACHE_SECONDS),
            )
            for message in page.entries:
                yield CacheEntry.from_message(message)
            token = page.next_page_token
            if not token:
                return

    async def invalidate(self, pattern: str, *, dry_run: bool = False, reason: str = "") -> Invalidation:
        """Makes the entries that a glob on the key names count no more, in every process; deletes them.

        Args:
            pattern: such as `fhir:export:*:ej:1`.
            dry_run: only say what would be deleted.
            reason: why; the server writes it down.
        """
        answer = await _answer(
            self._stub.Invalidate,
            requests.invalidation(pattern, reason, dry_run=dry_run),
            self._calls.arguments(channels.CACHE_SECONDS),
        )
        return Invalidation.from_message(answer)

    async def flush(self, *, reason: str = "") -> Invalidation:
        """Does the same to every entry of this service, and only to those."""
        answer = await _answer(
            self._stub.Flush,
            cache_admin_pb2.FlushRequest(reason=reason),
            self._calls.arguments(channels.CACHE_SECONDS),
        )
        return Invalidation.from_message(answer)

    async def warm(
        self, ej_ids: Sequence[int] = (), datasets: Sequence[Dataset] = ()
    ) -> AsyncGenerator[Warmed, None]:
        """Renders exports into the cache, and yields each as it is done. All of them where none is named.

        One that fails is yielded with its `error`, and the next one tried.
        """
        call = self._stub.Warm(requests.warming(ej_ids, datasets), **self._calls.arguments())
        try:
            async for message in call:
                yield Warmed.from_message(message)
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error) from error
        finally:
            call.cancel()


async def _answer(
    method: "grpc.aio.UnaryUnaryMultiCallable[Q, A]", request: Q, arguments: CallArguments
) -> A:
    try:
        return await method(request, **arguments)
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from error
