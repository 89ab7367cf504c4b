"""The gRPC health service: the status of each service, and the probe that sets it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NoReturn, TypeAlias

import grpc
import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer

from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.rpc.errors.statuses import refusal
from fhirexport_server.telemetry.logs import where

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

SERVER = ""
"""The name that stands for the whole server."""
EXPORTS = "fhirexport.v1.ExportService"
CACHE_ADMIN = "fhirexport.v1.CacheAdmin"
CACHE = "fhirexport.cache"
"""The cache itself; exports go on without it."""
IMPORTS = "fhirexport.v1.ImportService"
NAMES = (SERVER, EXPORTS, CACHE_ADMIN, CACHE, IMPORTS)
MOST_WATCHES = 5000
"""How many watches may be open at once: the number of places (`call_limits.py`) if each of the thousand
connections takes those that it is assured."""

# The messages' package publishes no types.
_Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class HealthService(HealthServicer):  # type: ignore[misc] # the library publishes no types
    """Implements `grpc.health.v1.Health`. Every name is NOT_SERVING until it is set.

    The base class is the generated one, so that a method of a newer protocol is UNIMPLEMENTED and does not
    keep the server from starting. The library's own servicer is not used: its watches hold up a shutdown for
    the whole grace, and it has no `List` (grpcio-health-checking 1.85.1); of two watches of a name, the first
    to leave cuts the other off from updates (1.81.1).
    """

    def __init__(self, most_watches: int = MOST_WATCHES) -> None:
        self._serving = dict.fromkeys(NAMES, False)
        self._draining = False
        self._ending = False
        self._changed = asyncio.Condition()
        self._most_watches = most_watches
        self._watches = 0

    async def Check(  # noqa: N802 - the protocol's name
        self, request: HealthCheckRequest, context: _Context
    ) -> HealthCheckResponse:
        """Return the status of a service, or fail with NOT_FOUND."""
        if request.service not in self._serving:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return HealthCheckResponse(status=self._status(request.service))

    async def List(  # noqa: N802 - the protocol's name
        self, _request: object, _context: _Context
    ) -> Any:  # noqa: ANN401 - the message is not there before grpcio-health-checking 1.82
        """Return the status of every name. Only a library that knows the method calls it."""
        statuses = {name: HealthCheckResponse(status=self._status(name)) for name in NAMES}
        return health_pb2.HealthListResponse(statuses=statuses)

    async def Watch(  # noqa: N802 - the protocol's name
        self, request: HealthCheckRequest, context: _Context
    ) -> AsyncGenerator[HealthCheckResponse, None]:
        """Yield the status of a service, and again each time it changes, until the server drains.

        A watch over the limit is UNIMPLEMENTED: by the protocol, its client then works without watching. Any
        other code would keep the client from calling at all.
        """
        if self._watches >= self._most_watches:
            text = f"{self._most_watches} watches are open already: use Check"
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
        self._watches += 1
        try:
            sent = None
            while True:
                # Read before the status is sent, so that a drain that begins meanwhile is seen too.
                draining = self._draining
                if self._ending:
                    return
                status = self._status(request.service)
                if status != sent:
                    yield HealthCheckResponse(status=status)
                    sent = status
                if draining:
                    return
                async with self._changed:
                    while self._status(request.service) == sent and not self._draining and not self._ending:
                        await self._changed.wait()
        finally:
            self._watches -= 1

    def is_serving(self, name: str) -> bool:
        """Return whether one of NAMES is SERVING."""
        return self._serving[name] and not self._draining

    async def set_serving(self, *names: str, serving: bool) -> None:
        """Set the status of some services."""
        async with self._changed:
            self._serving.update(dict.fromkeys(names, serving))
            self._changed.notify_all()

    async def drain(self) -> None:
        """Make every service NOT_SERVING for good, and end the watches."""
        async with self._changed:
            self._draining = True
            self._changed.notify_all()

    async def end_watches(self) -> None:
        """End the watches, and those still to come, without a last status: others serve at this address."""
        async with self._changed:
            self._ending = True
            self._changed.notify_all()

    async def until_serving(self, name: str) -> None:
        """Wait until one of NAMES is SERVING."""
        async with self._changed:
            while not self.is_serving(name):
                await self._changed.wait()

    def _status(self, name: str) -> Any:  # noqa: ANN401 - the messages' package publishes no types
        if name not in self._serving:
            return HealthCheckResponse.SERVICE_UNKNOWN
        return HealthCheckResponse.SERVING if self.is_serving(name) else HealthCheckResponse.NOT_SERVING


class Probe:
    """Checks repeatedly whether some services work, and sets their status."""

    def __init__(
        self, health: HealthService, what: str, names: tuple[str, ...], check: Callable[[], Awaitable[None]]
    ) -> None:
        """Make a probe that does not run yet.

        Args:
          health: The health service that gets the status.
          what: The name of what is checked, in the plural, for the log: `exports`.
          names: The services that get the status, of NAMES.
          check: Raises an error where they do not work.
        """
        self._health = health
        self._what = what
        self._names = names
        self._check = check

    async def run(
        self, *, seconds: float = 5.0, failing_seconds: float = 1.0, patience: float = 6.0
    ) -> NoReturn:
        """Probe until cancelled.

        Args:
          seconds: How long to wait after a success.
          failing_seconds: How long to wait after a failure.
          patience: How long the check may take.
        """
        was_serving = None
        while True:
            failure = await self._failure(patience)
            serving = failure is None
            await self._health.set_serving(*self._names, serving=serving)
            if failure is not None and was_serving is not False:
                status = refusal(failure)
                _log.warning(
                    f"{self._what}_unavailable",
                    reason=status.reason_name,
                    message=status.message,
                    where=where(failure),
                )
            elif failure is None and was_serving is not True:
                _log.info(f"{self._what}_available")
            was_serving = serving
            await asyncio.sleep(seconds if serving else failing_seconds)

    async def _failure(self, patience: float) -> Exception | None:
        try:
            async with asyncio.timeout(patience):
                await self._check()
        except TimeoutError:
            return DatabaseUnavailableError()
        except Exception as error:  # noqa: BLE001 - whatever it is, they do not work, and the probe goes on
            return error
        return None
