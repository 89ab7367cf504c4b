"""What all calls of a server share: places, memory for messages, and the end of those that are not taken."""

from typing import Final

from prometheus_client import CollectorRegistry

from fhirexport_server.rpc.admission.bytes_in_flight import BytesInFlight
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.admission.exchange import Exchange
from fhirexport_server.rpc.admission.keeper import Sweeper
from fhirexport_server.rpc.admission.places import Places
from fhirexport_server.rpc.call import Context
from fhirexport_server.telemetry.call_families import GateFamilies

_HEALTH: Final = "grpc.health.v1.Health"
_CONNECTION_SHARE: Final = 4


class Gate:
    """Lets calls in. Made inside the event loop that answers them."""

    def __init__(self, limits: Limits, registry: CollectorRegistry) -> None:
        self.limits = limits
        self.calls = Places(total=limits.calls, per_peer=limits.calls_per_peer, assured=limits.calls_assured)
        """For every call but those that ask after the server's health."""
        self.health = Places(
            total=limits.health_calls, per_peer=limits.health_calls, assured=limits.health_calls_assured
        )
        """For those: no load of exports and imports refuses one."""
        total, share = limits.bytes_in_flight, limits.bytes_in_flight // _CONNECTION_SHARE
        self.inbound = BytesInFlight(total=total, per_connection=share)
        self.outbound = BytesInFlight(total=total, per_connection=share)
        families = GateFamilies(
            registry,
            calls={"calls": lambda: self.calls.taken, "health": lambda: self.health.taken},
            bytes_in_flight={"in": lambda: self.inbound.taken, "out": lambda: self.outbound.taken},
        )
        self.dropped = families.dropped.inc
        """Counts a call that was cut off."""
        self.sweeper = Sweeper()
        """Ends the calls that are answered and whose peers do not take it."""

    def exchange(self, service: str, context: Context) -> Exchange:
        """Returns what goes back and forth in a call that has no place yet."""
        return Exchange(context, self, is_health=service == _HEALTH)
