"""What all calls of a server share: places, memory for messages, and the end of unread calls."""

import asyncio
from contextlib import suppress
from typing import Final

from prometheus_client import CollectorRegistry

from fhirexport_server.domain.identity import Identity
from fhirexport_server.rpc.admission.bytes_in_flight import BytesInFlight
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.admission.caller import caller
from fhirexport_server.rpc.admission.exchange import Exchange
from fhirexport_server.rpc.admission.intake import Intake
from fhirexport_server.rpc.admission.keeper import Sweeper
from fhirexport_server.rpc.admission.pace import Pace
from fhirexport_server.rpc.admission.places import Places
from fhirexport_server.rpc.call import Context, is_watch
from fhirexport_server.telemetry.call_families import GateFamilies

_HEALTH: Final = "grpc.health.v1.Health"
_IMPORTS: Final = "fhirexport.v1.ImportService"
_CONNECTION_SHARE: Final = 4


class Gate:
    """Admits calls. Make it inside the event loop that handles them."""

    def __init__(self, limits: Limits, registry: CollectorRegistry) -> None:
        self.limits = limits
        self.calls = Places(total=limits.calls, per_peer=limits.calls_per_peer, assured=limits.calls_assured)
        """The places of all calls but those below."""
        self.watches = Places(
            total=limits.watches, per_peer=limits.watches_per_peer, assured=limits.watches_assured
        )
        """The places of watches of exports, which last: exports and imports never wait for them."""
        self.health = Places(
            total=limits.health_calls, per_peer=limits.health_calls, assured=limits.health_calls_assured
        )
        """The places of the health service: exports and imports never take them."""
        total, share = limits.bytes_in_flight, limits.bytes_in_flight // _CONNECTION_SHARE
        self.inbound = BytesInFlight(total=total, per_connection=share)
        self.outbound = BytesInFlight(total=total, per_connection=share)
        self.intake = Intake(limits.intake_bytes_per_second)
        """Parses large messages."""
        self.pace = Pace(limits.long_bytes_per_second, limits.turn_seconds)
        """When the messages of imports are received."""
        families = GateFamilies(
            registry,
            calls={
                "calls": lambda: self.calls.taken,
                "watches": lambda: self.watches.taken,
                "health": lambda: self.health.taken,
            },
            bytes_in_flight={"in": lambda: self.inbound.taken, "out": lambda: self.outbound.taken},
            messages_waiting=lambda: self.pace.waiting,
        )
        self.dropped = families.dropped.inc
        """Counts a call that was cut off."""
        self.left = families.left.inc
        """Counts a call whose caller left before its request had come."""
        self.sweeper = Sweeper()
        """Ends calls whose peers do not read the response."""

    async def without_watches(self, seconds: float) -> None:
        """Wait until no watch is open, neither of exports nor of the health, but no longer than this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.watches.until_free()
                await self.health.until_free()

    def exchange(
        self, service: str, method: str, context: Context, identity: Identity | None = None
    ) -> Exchange:
        """Return the exchange of a call, which has no place yet."""
        places = self.calls
        if service == _HEALTH:
            places = self.health
        elif is_watch(service, method):
            places = self.watches
        return Exchange(caller(context, identity), context, self, places, is_bulk=service == _IMPORTS)
