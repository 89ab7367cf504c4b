"""Owns looking after the cache, for programs without an event loop: input and output only."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import grpc

from fhirexport._internal import channels, requests
from fhirexport._internal.calls import PLAIN, CallArguments, Calls
from fhirexport.cache_models import CacheEntry, CacheHealth, CacheStats, Dataset, Invalidation, Warmed
from fhirexport.errors import from_rpc
from fhirexport.v1 import cache_admin_pb2
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminStub

Q = TypeVar("Q")
A = TypeVar("A")


class Cache:
    """The export cache, as an operator sees it. Every method raises ExportError where it fails."""

    def __init__(self, stub: CacheAdminStub, calls: Calls = PLAIN) -> None:
        self._stub = stub
        self._calls = calls

    def stats(self) -> CacheStats:
        """Returns how full the cache is and how often it answers."""
        return CacheStats.from_message(
            _answer(
                self._stub.GetStats,
                cache_admin_pb2.GetStatsRequest(),
                self._calls.arguments(channels.CACHE_SECONDS),
            )
        )

    def health(self) -> CacheHealth:
        """Returns whether the cache can be reached; does not fail when it cannot."""
        return CacheHealth.from_message(
            _answer(
                self._stub.GetHealth,
                cache_admin_pb2.GetHealthRequest(),
                self._calls.arguments(channels.HEALTH_SECONDS),
            )
        )

    def entries(self, pattern: str | None = None) -> Iterator[CacheEntry]:
        """Yields what is cached, in no particular order; of those only that a glob on the key names.

        An entry that comes or goes in the meantime may be left out, and one may come twice.
        """
        token = ""
        while True:
            page = _answer(
                self._stub.ListEntries,
                requests.cached(pattern, token),
                self._calls.arguments(channels.CACHE_SECONDS),
            )
            yield from map(CacheEntry.from_message, page.entries)
            token = page.next_page_token
            if not token:
                return

    def invalidate(self, pattern: str, *, dry_run: bool = False, reason: str = "") -> Invalidation:
        """Makes the entries that a glob on the key names count no more, in every process; deletes them.

        Args:
            pattern: such as `fhir:export:*:ej:1`.
            dry_run: only say what would be deleted.
            reason: why; the server writes it down.
        """
        answer = _answer(
            self._stub.Invalidate,
            requests.invalidation(pattern, reason, dry_run=dry_run),
            self._calls.arguments(channels.CACHE_SECONDS),
        )
        return Invalidation.from_message(answer)

    def flush(self, *, reason: str = "") -> Invalidation:
        """Does the same to every entry of this service, and only to those."""
        answer = _answer(
            self._stub.Flush,
            cache_admin_pb2.FlushRequest(reason=reason),
            self._calls.arguments(channels.CACHE_SECONDS),
        )
        return Invalidation.from_message(answer)

    def warm(self, ej_ids: Sequence[int] = (), datasets: Sequence[Dataset] = ()) -> Iterator[Warmed]:
        """Renders exports into the cache, and yields each as it is done. All of them where none is named.

        One that fails is yielded with its `error`, and the next one tried.
        """
        call = self._stub.Warm(requests.warming(ej_ids, datasets), **self._calls.arguments())
        try:
            yield from map(Warmed.from_message, call)
        except grpc.RpcError as error:
            raise from_rpc(error) from error
        finally:
            call.cancel()


def _answer(method: "grpc.UnaryUnaryMultiCallable[Q, A]", request: Q, arguments: CallArguments) -> A:
    try:
        return method(request, **arguments)
    except grpc.RpcError as error:
        raise from_rpc(error) from error
