"""How a server is reached: target, credentials, retries, keepalive."""

import ipaddress
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from fhirexport._internal.tls import TLS, system_certificates
from fhirexport._version import __version__

EXPORTS = "fhirexport.v1.ExportService"
IMPORTS = "fhirexport.v1.ImportService"
UNARY_SECONDS = 30.0
CACHE_SECONDS = 35.0
"""A little longer than the server gives itself, so that its own words come first."""
HEALTH_SECONDS = 5.0
CLOSING_SECONDS = 5.0
_LAST_PORT = 65_535
_LISTS = ("ipv4:", "ipv6:")
"""The schemes whose targets may have several addresses, separated by commas."""

_RETRY = {
    "maxAttempts": 5,  # as many as gRPC makes
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    # CANCELLED is what becomes of a call that was on its way as its server began to end (`errors.from_rpc`).
    # What this side cancels is not sent again.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
}
_BALANCING: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
_SERVICE_CONFIG = {
    **_BALANCING,
    "healthCheckConfig": {"serviceName": EXPORTS},
    "methodConfig": [
        # Streams are taken up again by what reads them, which knows what has come already.
        {"name": [{"service": EXPORTS, "method": name} for name in ("StreamExport", "WatchExports")]},
        {"name": [{"service": EXPORTS}], "retryPolicy": _RETRY},
        # A request id makes it safe to repeat; a stream's messages may be gone by then.
        {"name": [{"service": IMPORTS, "method": "ImportBundle"}], "retryPolicy": _RETRY},
    ],
    # A channel that has had 50 errors more than answers sends nothing again until answers make up for them.
    # With gRPC's example, 10 and 0.1, six errors left the calls of the next minutes without a second attempt.
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 1},
}


@dataclass(frozen=True)
class Server:
    """Where a server is, and how it is reached."""

    target: str
    """`host:port`, `dns:///host:port`, `unix:path`, or whatever else gRPC understands.

    Several servers are a name that has all their addresses, or a list: `ipv4:10.0.0.1:50051,10.0.0.2:50051`.
    """
    tls: TLS | bool | None = None
    """Whether to use TLS, and how. None: with any server but those on this machine."""

    def __post_init__(self) -> None:
        """Refuse what leads nowhere."""
        if not self.target.strip():
            raise ValueError("the address is empty: give host:port, such as localhost:50051")
        if self.target.startswith(("http:", "https:")):
            raise ValueError(f"{self.target}: an address is host:port, without http://")
        if "," in self.target and not self.target.startswith(_LISTS):
            raise ValueError(
                f"{self.target}: several servers are one name that has all their addresses, such as "
                "dns:///export.hospital.example:50051, or a list of addresses, such as "
                "ipv4:10.0.0.1:50051,10.0.0.2:50051"
            )
        for address in _addresses(self.target):
            _, colon, port = address.rpartition(":")
            if colon and port.isdecimal() and port.isascii() and not 0 < int(port) <= _LAST_PORT:
                raise ValueError(f"{self.target}: a port is a number from 1 to {_LAST_PORT}")

    @property
    def encrypted(self) -> bool:
        """Whether it is reached with TLS."""
        if self.tls is None:
            return not is_local(self.target)
        return self.tls is not False

    @property
    def confidential(self) -> bool:
        """Whether nobody else can read what is sent."""
        return self.encrypted or is_local(self.target)

    def credentials(self) -> grpc.ChannelCredentials | None:
        """Return the credentials of a channel; None for plaintext.

        Raises:
            ValueError: the system's certificates are to be trusted, and it has none.
        """
        if not self.encrypted:
            return None
        tls = self.tls if isinstance(self.tls, TLS) else TLS()
        roots = tls.root_certificates
        if roots is None:
            roots = system_certificates()
        return grpc.ssl_channel_credentials(roots, tls.private_key, tls.certificate_chain)

    def options(self, *, watched: bool = True, retries: bool = True) -> Sequence[tuple[str, Any]]:
        """Return the options of a channel to it; `watched` and `retries` as below."""
        extra: list[tuple[str, Any]] = []
        if is_local(self.target):
            # What is for this machine does not leave it, whatever http_proxy says.
            extra.append(("grpc.enable_http_proxy", 0))
        if isinstance(self.tls, TLS) and self.tls.server_name:
            extra.append(("grpc.ssl_target_name_override", self.tls.server_name))
        return (*options(watched=watched, retries=retries), *extra)


def options(*, watched: bool = True, retries: bool = True) -> Sequence[tuple[str, Any]]:
    """Return the options of any channel. The limit of 4 MiB a message stays as it is: no answer is larger.

    Args:
        watched: Whether the channel passes over servers that do not serve exports. One that asks after
            the server's health, or the cache's, must reach those too.
        retries: Whether gRPC itself sends calls again. For streams of a client without an event loop it must
            not: where a call begins as its server ends, and the attempt after it fails too, gRPC tells of the
            end, but never of the headers and the message that the reader waits for, whatever the deadline
            (seen with 1.76 to 1.85). What reads streams takes them up again by itself.
    """
    return (
        ("grpc.service_config", json.dumps(_SERVICE_CONFIG if watched else _BALANCING)),
        ("grpc.enable_retries", int(retries)),
        ("grpc.max_reconnect_backoff_ms", 5_000),  # gRPC's own two minutes are long for people who wait
        # Several processes may be behind one address. One that ends may lose a connection that it has not yet
        # accepted; the next one is to be there before the attempts of a call are over.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.primary_user_agent", f"fhirexport/{__version__}"),
        ("grpc.keepalive_time_ms", 60_000),
        # gRPC takes its own keepalive_timeout_ms for nothing (grpc/grpc#39239): this is what counts.
        ("grpc.http2.ping_timeout_ms", 10_000),
        # A silent call, such as a long rendering, is watched over for as long as it takes: by itself, gRPC
        # slows its pings down after the second one.
        ("grpc.http2.max_pings_without_data", 0),
    )


def server(target: str, *, tls: TLS | bool | None, root_certificates: bytes | None) -> Server:
    """Return the server that a client's arguments name.

    Raises:
        ValueError: they contradict each other, or name none.
    """
    if root_certificates is None:
        return Server(target, tls)
    if tls is not None and tls is not True:
        raise ValueError("give root_certificates or tls, not both")
    return Server(target, TLS(root_certificates))


def close(channel: grpc.Channel) -> None:
    """Close a channel, and leave it to itself after `CLOSING_SECONDS`.

    gRPC waits for each call to end. One that a KeyboardInterrupt, or whatever else a signal raises, has
    cut short while it was being started has nothing that ends it.
    """
    closing = threading.Thread(target=channel.close, name="fhirexport-close", daemon=True)
    try:
        closing.start()
    except RuntimeError:  # the interpreter ends, and starts no threads any more
        channel.close()
        return
    closing.join(CLOSING_SECONDS)


def is_local(target: str) -> bool:
    """Say whether a target is on this machine, by the loopback or a Unix socket; of several, all."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    return all(map(_is_loopback, _addresses(target)))


def _addresses(target: str) -> Sequence[str]:
    """Return the addresses of a target, `host:port` each."""
    if target.startswith(_LISTS):
        return target[len(_LISTS[0]) :].split(",")
    return (target.removeprefix("dns:///"),)


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]") or address
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
