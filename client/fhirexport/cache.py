"""The operator's view of the cache, for programs without an event loop."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import grpc

from fhirexport._internal import channels, requests
from fhirexport._internal.calls import PLAIN, CallArguments, Calls
from fhirexport.cache_models import CacheEntry, CacheHealth, CacheStats, Dataset, Invalidation, Warmed
from fhirexport.errors import from_rpc
from fhirexport.v1 import cache_admin_pb2
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminStub

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class Cache:
    """The export cache, as an operator sees it. Every method raises ExportError where it fails."""

    def __init__(self, stub: CacheAdminStub, calls: Calls = PLAIN) -> None:
        self._stub = stub
        self._calls = calls

    def stats(self) -> CacheStats:
        """Return how full the cache is and how often it answers."""
        return CacheStats.from_message(
            _call(
                self._stub.GetStats,
                cache_admin_pb2.GetStatsRequest(),
                self._calls.arguments(channels.CACHE_SECONDS),
            )
        )

    def health(self) -> CacheHealth:
        """Return whether Redis can be used; answers also when it cannot."""
        return CacheHealth.from_message(
            _call(
                self._stub.GetHealth,
                cache_admin_pb2.GetHealthRequest(),
                self._calls.arguments(channels.HEALTH_SECONDS),
            )
        )

    def entries(self, pattern: str | None = None) -> Iterator[CacheEntry]:
        """Yield the cached entries whose key matches a glob, all without one, in no particular order.

        An entry that is added or deleted meanwhile may be left out, and one may come twice.
        """
        token = ""
        while True:
            page = _call(
                self._stub.ListEntries,
                requests.list_entries(pattern, token),
                self._calls.arguments(channels.CACHE_SECONDS),
            )
            yield from map(CacheEntry.from_message, page.entries)
            token = page.next_page_token
            if not token:
                return

    def invalidate(self, pattern: str, *, dry_run: bool = False, reason: str = "") -> Invalidation:
        """Invalidate the entries whose key matches a glob, in every process, then delete them.

        Args:
            pattern: the glob, such as `fhir:export:*:ej:1`.
            dry_run: only return what would be deleted.
            reason: why, for the server's audit table.
        """
        response = _call(
            self._stub.Invalidate,
            requests.invalidation(pattern, reason, dry_run=dry_run),
            self._calls.arguments(channels.CACHE_SECONDS),
        )
        return Invalidation.from_message(response)

    def flush(self, *, reason: str = "") -> Invalidation:
        """Invalidate every entry of this service, and no other keys of Redis, then delete them."""
        response = _call(
            self._stub.Flush,
            cache_admin_pb2.FlushRequest(reason=reason),
            self._calls.arguments(channels.CACHE_SECONDS),
        )
        return Invalidation.from_message(response)

    def warm(self, ej_ids: Sequence[int] = (), datasets: Sequence[Dataset] = ()) -> Iterator[Warmed]:
        """Render exports into the cache, all unless some are named, and yield each as it is done.

        One that fails is yielded with its `error`, and the next one is tried.
        """
        call = self._stub.Warm(requests.warming(ej_ids, datasets), **self._calls.arguments())
        try:
            yield from map(Warmed.from_message, call)
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        finally:
            call.cancel()


def _call(
    method: "grpc.UnaryUnaryMultiCallable[RequestT, ResponseT]", request: RequestT, arguments: CallArguments
) -> ResponseT:
    try:
        return method(request, **arguments)
    except grpc.RpcError as error:
        raise from_rpc(error) from error
