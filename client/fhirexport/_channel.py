"""Owns how a server is reached: target, credentials, retries, keepalive."""

import ipaddress
import json
from collections.abc import Sequence
from typing import Any

import grpc

from fhirexport._version import __version__

EXPORTS = "fhirexport.v1.ExportService"
IMPORTS = "fhirexport.v1.ImportService"
UNARY_SECONDS = 30.0
CACHE_SECONDS = 35.0
"""A little longer than the server gives itself, so that its own words come first."""
HEALTH_SECONDS = 5.0

_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_BALANCING: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
_SERVICE_CONFIG = {
    **_BALANCING,
    "healthCheckConfig": {"serviceName": EXPORTS},
    "methodConfig": [
        # Streams are taken up again by the reader, which knows what has come already.
        {"name": [{"service": EXPORTS, "method": "StreamExport"}]},
        {"name": [{"service": EXPORTS}], "retryPolicy": _RETRY},
        # A request id makes it safe to repeat; a stream's messages may be gone by then.
        {"name": [{"service": IMPORTS, "method": "ImportBundle"}], "retryPolicy": _RETRY},
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}


def options(*, watched: bool = True) -> Sequence[tuple[str, Any]]:
    """Returns a channel's options. The limit of 4 MiB a message stays as it is: no answer is larger.

    Args:
        watched: Whether the channel passes over servers that do not serve exports. One that asks after
            the server's health, or the cache's, must reach those too.
    """
    config = _SERVICE_CONFIG if watched else _BALANCING
    return (
        ("grpc.service_config", json.dumps(config)),
        ("grpc.max_reconnect_backoff_ms", 5_000),  # gRPC's own two minutes are long for people who wait
        ("grpc.primary_user_agent", f"fhirexport/{__version__}"),
        ("grpc.keepalive_time_ms", 60_000),
        # gRPC takes its own keepalive_timeout_ms for nothing (grpc/grpc#39239): this is what counts.
        ("grpc.http2.ping_timeout_ms", 10_000),
        # A silent call, such as a long rendering, is watched over for as long as it takes: by itself, gRPC
        # slows its pings down after the second one.
        ("grpc.http2.max_pings_without_data", 0),
    )


def credentials(target: str, root_certificates: bytes | None) -> grpc.ChannelCredentials | None:
    """Returns TLS credentials; None for a server on this machine that was given no certificates."""
    if root_certificates is None and is_local(target):
        return None
    return grpc.ssl_channel_credentials(root_certificates)


def is_local(target: str) -> bool:
    """Says whether a target is on this machine: the loopback, or a Unix socket."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    address = target.removeprefix("dns:///").removeprefix("ipv4:").removeprefix("ipv6:")
    host = address.rpartition(":")[0].strip("[]") or address
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
