"""What each worker gets of the settings that bound a whole server."""

from typing import Final

from fhirexport_server.settings import Settings

_SHARED: Final = (
    "max_renderings",
    "spool_limit",
    "max_calls",
    "max_calls_per_peer",
    "max_watches",
    "max_watches_per_peer",
    "bytes_in_flight",
    "cache_memory",
)
"""The settings that are divided, each among all workers. Everything else holds for each of them."""
LEAST_BYTES_IN_FLIGHT: Final = 64 * 1024**2
"""The least that a process works with: a few of the largest messages."""


def share(settings: Settings, address: str) -> Settings:
    """Return the settings of one worker: an equal part of what is shared, rounded down, of each at least 1.

    Args:
        settings: Those of the server.
        address: Where all its workers listen, with the actual port.
    """
    parts = {name: max(1, getattr(settings, name) // settings.workers) for name in _SHARED}
    parts["bytes_in_flight"] = max(LEAST_BYTES_IN_FLIGHT, parts["bytes_in_flight"])
    return settings.model_copy(update={**parts, "listen_address": address})
