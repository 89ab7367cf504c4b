"""Owns the gRPC health service: what it says of each service, and the probe that finds out."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NoReturn, TypeAlias

import grpc
import structlog
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from fhirexport_server.logs import where
from fhirexport_server.rpc.errors import refusal

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

SERVER = ""
"""The name that stands for the whole server."""
EXPORTS = "fhirexport.v1.ExportService"
CACHE_ADMIN = "fhirexport.v1.CacheAdmin"
CACHE = "fhirexport.cache"
"""The cache itself; exports go on without it."""
NAMES = (SERVER, EXPORTS, CACHE_ADMIN, CACHE, "fhirexport.v1.ImportService")

# The messages' package publishes no types.
_Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class Health:
    """Answers `grpc.health.v1.Health`. Every name is NOT_SERVING until it is set.

    It takes the place of grpcio-health-checking's own servicer, of which a watcher that leaves stops the
    others from hearing anything more, and whose watchers hold up a shutdown for its whole grace.
    """

    def __init__(self) -> None:
        self._serving = dict.fromkeys(NAMES, False)
        self._draining = False
        self._changed = asyncio.Condition()

    async def Check(  # noqa: N802 - the protocol's name
        self, request: HealthCheckRequest, context: _Context
    ) -> HealthCheckResponse:
        """Answers with the status of a service, or NOT_FOUND."""
        if request.service not in self._serving:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return HealthCheckResponse(status=self._status(request.service))

    async def Watch(  # noqa: N802 - the protocol's name
        self, request: HealthCheckRequest, _context: _Context
    ) -> AsyncGenerator[HealthCheckResponse, None]:
        """Answers with the status of a service, and again each time it changes, until the server drains."""
        told = None
        while True:
            # Looked at before the status is told: a drain that begins while it is being sent is told too.
            draining = self._draining
            status = self._status(request.service)
            if status != told:
                yield HealthCheckResponse(status=status)
                told = status
            if draining:
                return
            async with self._changed:
                while self._status(request.service) == told and not self._draining:
                    await self._changed.wait()

    def is_serving(self, name: str) -> bool:
        """Returns whether one of NAMES is SERVING."""
        return self._serving[name] and not self._draining

    async def set_serving(self, *names: str, serving: bool) -> None:
        """Sets the status of some services."""
        async with self._changed:
            self._serving.update(dict.fromkeys(names, serving))
            self._changed.notify_all()

    async def drain(self) -> None:
        """Makes every service NOT_SERVING for good, and ends the watches."""
        async with self._changed:
            self._draining = True
            self._changed.notify_all()

    def _status(self, name: str) -> Any:  # noqa: ANN401 - the messages' package publishes no types
        if name not in self._serving:
            return HealthCheckResponse.SERVICE_UNKNOWN
        return HealthCheckResponse.SERVING if self.is_serving(name) else HealthCheckResponse.NOT_SERVING


class Probe:
    """Finds out, again and again, whether exports work."""

    def __init__(self, health: Health, check: Callable[[], Awaitable[None]]) -> None:
        self._health = health
        self._check = check

    async def run(
        self, *, seconds: float = 5.0, failing_seconds: float = 1.0, patience: float = 6.0
    ) -> NoReturn:
        """Probes until it is cancelled.

        Args:
          seconds: How long to wait after a success.
          failing_seconds: How long to wait after a failure.
          patience: How long the check may take.
        """
        was_serving = None
        while True:
            failure = await self._failure(patience)
            serving = failure is None
            await self._health.set_serving(SERVER, EXPORTS, serving=serving)
            if failure is not None and was_serving is not False:
                told = refusal(failure)
                _log.warning(
                    "exports_unavailable", reason=told.reason, message=told.message, where=where(failure)
                )
            elif failure is None and was_serving is not True:
                _log.info("exports_available")
            was_serving = serving
            await asyncio.sleep(seconds if serving else failing_seconds)

    async def _failure(self, patience: float) -> Exception | None:
        try:
            async with asyncio.timeout(patience):
                await self._check()
        except Exception as error:  # noqa: BLE001 - whatever it is, exports do not work, and the probe goes on
            return error
        return None
