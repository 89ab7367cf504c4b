"""The gRPC server: its options, the services it registers, the address it listens on."""

from __future__ import annotations  # the tracer's type is an extra's

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import grpc
from fhirexport.v1 import cache_admin_pb2, export_service_pb2, import_service_pb2
from fhirexport.v1.cache_admin_pb2_grpc import add_CacheAdminServicer_to_server
from fhirexport.v1.export_service_pb2_grpc import add_ExportServiceServicer_to_server
from fhirexport.v1.import_service_pb2_grpc import add_ImportServiceServicer_to_server
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry

from fhirexport_server.access.kept_policy import KeptPolicy
from fhirexport_server.access.right import Action
from fhirexport_server.admin.administration import Administration
from fhirexport_server.rpc.access.call_rights import CallRights
from fhirexport_server.rpc.access.guarded_administration import GuardedAdministration
from fhirexport_server.rpc.access.guarded_exports import GuardedExports, GuardedWatches
from fhirexport_server.rpc.access.guarded_imports import GuardedImports
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.admission.gate import Gate
from fhirexport_server.rpc.audit.audited_administration import AuditedAdministration
from fhirexport_server.rpc.audit.audited_exports import AuditedExports, AuditedWatches
from fhirexport_server.rpc.audit.audited_imports import AuditedImports
from fhirexport_server.rpc.audit.call_audit import CallAudit
from fhirexport_server.rpc.cache.service import CacheAdmin, CacheAdministration
from fhirexport_server.rpc.call import Layer
from fhirexport_server.rpc.exports.service import Exports, ExportService, Watches
from fhirexport_server.rpc.health import HealthService
from fhirexport_server.rpc.imports.service import Imports, ImportService
from fhirexport_server.rpc.interceptors.authentication import Authentication
from fhirexport_server.rpc.interceptors.call_metrics import CallMetrics
from fhirexport_server.rpc.interceptors.chain import Chain, layers
from fhirexport_server.runtime.listening import ListenError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_EXPORT = export_service_pb2.DESCRIPTOR.services_by_name["ExportService"]
_CACHE = cache_admin_pb2.DESCRIPTOR.services_by_name["CacheAdmin"]
_IMPORT = import_service_pb2.DESCRIPTOR.services_by_name["ImportService"]
SERVICES = (_EXPORT, _CACHE, _IMPORT)
"""What is offered, besides health and reflection."""
_MINUTE = 60_000
_CONNECTIONS = 1000
_STREAMS = 100
"""How many calls a connection may have at once, and how many that have ended but are still in memory."""
_CALLS = _CONNECTIONS * 2 * _STREAMS
_UNIX = "unix:"
_IDENTITY = 1 << 0
"""Only messages without compression. Exports have an encoding of their own, `zstd`."""


def make_server(
    exports: Exports,
    watches: Watches,
    administration: Administration,
    imports: Imports,
    health: HealthService,
    *,
    gate: Gate,
    registry: CollectorRegistry,
    address: str,
    shared: bool = False,
    credentials: grpc.ServerCredentials | None = None,
    authentication: Authentication | None = None,
    with_reflection: bool = True,
    tracer: Tracer | None = None,
    policy: KeptPolicy | None = None,
    denied: Callable[[str], None] = lambda _: None,
    audit: CallAudit | None = None,
) -> tuple[grpc.aio.Server, str]:
    """Return a server that is not started yet, and the address that it is bound to, with the actual port.

    With a policy, all that its services reach is guarded. Without one, callers may do everything. With an
    audit trail, all that they reach is written down, once it is permitted and before anything is done. A
    `shared` address is one that other processes of this server listen on as well.

    Raises:
      ListenError: The address cannot be listened on.
    """
    metrics = CallMetrics(registry, SERVICES)
    limits = gate.limits
    within: list[Layer] = []
    tended: CacheAdministration = administration
    warmed = exports
    if audit is not None:
        exports, imports = AuditedExports(exports, audit), AuditedImports(imports, audit)
        watches, tended = AuditedWatches(watches, audit), AuditedAdministration(administration, audit)
        within.append(audit.completes)
    if policy is not None:
        rights = CallRights(policy.control, denied)
        exports, warmed = GuardedExports(exports, rights), GuardedExports(warmed, rights, Action.CACHE_ADMIN)
        imports, tended = GuardedImports(imports, rights), GuardedAdministration(tended, rights)
        watches = guarded = GuardedWatches(watches, rights)
        policy.changed = guarded.review
        within.insert(0, rights)
    around = layers(metrics, limits, tracer, None if audit is None else audit.ends)
    server = grpc.aio.server(
        interceptors=[Chain(around, gate, authentication, within)],
        # No maximum_concurrent_rpcs: it refuses the latest call, whosever it is, and without details.
        options=options(limits, shared=shared),
    )
    # Each method that these register has a queue of its own in gRPC: whatever floods one, calls of others are
    # not behind it.
    add_ExportServiceServicer_to_server(ExportService(exports, watches, limits.unary_bytes), server)
    add_CacheAdminServicer_to_server(CacheAdmin(tended, warmed), server)
    add_ImportServiceServicer_to_server(ImportService(imports, limits.bundle_bytes), server)
    add_HealthServicer_to_server(health, server)
    if with_reflection:
        ours = (service.full_name for service in SERVICES)
        reflection.enable_server_reflection((*ours, "grpc.health.v1.Health", reflection.SERVICE_NAME), server)
    return server, _bound(server, address, credentials)


def _bound(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> str:
    if address.startswith(_UNIX) and _answers(address.removeprefix(_UNIX)):
        raise ListenError(address)
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise ListenError(address) from error
    return address if address.startswith(_UNIX) else f"{address.rpartition(':')[0]}:{port}"


def _answers(path: str) -> bool:
    """Return whether a server listens on a socket, which gRPC would replace silently."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return False
    return True


def options(limits: Limits, *, shared: bool = False) -> list[tuple[str, int]]:
    """Return the limits of a connection, against careless and hostile peers.

    gRPC ignores names that it does not know, so `tests/rpc/test_channel_arguments.py` looks each one up in
    the library and shows its effect.
    """
    longest_call = round(max(limits.stream_seconds, limits.watch_seconds) * 1000)
    return [
        ("grpc.so_reuseport", int(shared)),  # or a second server silently takes half the connections
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.compression_enabled_algorithms_bitset", _IDENTITY),  # or 1 MB on the wire is 1 GB here
        ("grpc.max_send_message_length", 4 << 20),
        ("grpc.max_metadata_size", 8 << 10),
        ("grpc.absolute_max_metadata_size", 16 << 10),
        # What keeps a rapid reset harmless. A stream that was reset stays in memory until Python has taken up
        # its call, and counts until then: over both, a new one is refused, before it costs anything. Without
        # the second, one that has ended takes the place of an honest burst's next, which is lost.
        ("grpc.max_concurrent_streams", _STREAMS),
        ("grpc.http2.max_deallocating_streams", _STREAMS),
        ("grpc.http.overload_protection", 1),
        ("grpc.max_allowed_incoming_connections", _CONNECTIONS),
        # While more calls than this wait for Python, gRPC cancels some at random, whosever they are. A storm
        # of resets reaches the default of 1,000. Places are limited by connection and peer instead.
        ("grpc.server.max_pending_requests", _CALLS),
        ("grpc.server.max_pending_requests_hard_limit", _CALLS),
        ("grpc.server_handshake_timeout_ms", 10_000),
        ("grpc.keepalive_time_ms", _MINUTE),
        # gRPC ignores its keepalive_timeout_ms (grpc/grpc#39239); this has the effect.
        ("grpc.http2.ping_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Many clients ping every 10 s, the least that grpc-go allows; half of it leaves room for jitter.
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_connection_idle_ms", 5 * _MINUTE),
        ("grpc.max_connection_age_ms", 30 * _MINUTE),  # so that clients find new servers
        ("grpc.max_connection_age_grace_ms", longest_call + _MINUTE),  # so that no call is cut off
        ("grpc.enable_channelz", 0),
    ]
