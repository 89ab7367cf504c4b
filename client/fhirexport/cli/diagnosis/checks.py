"""The checks of `fhirexport doctor`, and its advice: each check ends, whatever the server does."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

import grpc

from fhirexport._internal import channels, requests
from fhirexport._internal.calls import PLAIN, Calls
from fhirexport._internal.channels import Server
from fhirexport._internal.requests import ExportQuery
from fhirexport.cache_models import CacheHealth
from fhirexport.cli import calling
from fhirexport.cli.diagnosis.audit_trail import unwritable_audit, warned
from fhirexport.cli.diagnosis.credentials import unknown_caller
from fhirexport.cli.diagnosis.findings import SECONDS, Finding, Level, message_of, outcome
from fhirexport.cli.diagnosis.reaching import SOCKET_SECONDS, Place, addresses, connection, place, spoken
from fhirexport.client import Client
from fhirexport.errors import ExportError, IncompleteError, NotFoundError
from fhirexport.models import Snapshot
from fhirexport.v1.export_service_pb2 import ListLegalEntitiesRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub

_CLOCK_TOLERANCE = timedelta(seconds=2)
_CACHE = "fhirexport.cache"
_SERVICES = {
    "": "the server as a whole",
    channels.EXPORTS: channels.EXPORTS,
    "fhirexport.v1.CacheAdmin": "fhirexport.v1.CacheAdmin",
    _CACHE: _CACHE,
}
_DATASETS = {
    "structure": requests.STRUCTURE,
    "patients": requests.PATIENTS,
    "venues": requests.VENUES,
}
_ADVICE = {
    "SCHEMA_MISMATCH": "run fhirexport-server migrate with the release that the server has",
    "CHANGES_UNTRACKED": "docs/never-stale.md, 'When the database is altered'",
    "DATABASE_ACCESS_DENIED": "grant the server's user the rights of docs/configuration.md",
    "DATABASE_CORRUPT": "docs/operations.md, 'Restoring a backup'",
    "TEMPORARY_STORAGE": "make room in the server's directory for temporary files (TMPDIR)",
}
"""What to do about errors of the database's, by their reason."""
_EXPORTS_NEED = ("", channels.EXPORTS)
_DENIED = "ACCESS_DENIED"


def examine(
    target: str | Server,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    calls: Calls = PLAIN,
) -> Iterator[Finding]:
    """Check a server, from the outside in; end with the first problem that hides all the others.

    Args:
        target: The server, or its address.
        now: This machine's clock.
        calls: How to call it.
    """
    server = target if isinstance(target, Server) else Server(target)
    for finding in reach(server, calls):
        yield finding
        if finding.level == "problem":
            return
    with calling.channel(server) as channel, _client(channel, calls) as client:
        cache = outcome(client.cache.health)
        switched_off = isinstance(cache, CacheHealth) and cache.state == "disabled"
        yield from _healths(client, without=_CACHE if switched_off else None)
        stub = ExportServiceStub(channel)
        for hiding in (*unknown_caller(stub, calls), *unwritable_audit(cache)):
            yield hiding
            return
        yield from _redis(cache)
        yield from _database(stub, calls, now)


def reach(server: Server, calls: Calls = PLAIN) -> Iterator[Finding]:
    """Check how far a server is reached; end with the first problem, else with a call that works."""
    where = place(server.target)
    for finding in _reached(server, where):
        yield finding
        if finding.level == "problem":
            return
    if where is not None:
        with calling.channel(server) as channel, _client(channel, calls) as client:
            silent = calling.silence(client, server, where)
        if silent is not None:
            yield silent


def _client(channel: grpc.Channel, calls: Calls) -> Client:
    seconds = min(calls.timeout or SECONDS, SECONDS)
    return Client(channel=channel, token=calls.token, metadata=calls.metadata, timeout=seconds)


def _reached(server: Server, where: Place | None) -> Iterator[Finding]:
    if "," in server.target:
        advice = "examine each of them: --address with one host:port"
        yield Finding("address", "problem", f"{server.target} is several servers", advice)
        return
    if where is None:
        advice = "give host:port, [ipv6]:port or unix:path, such as localhost:50051"
        yield Finding("address", "problem", f"{server.target} is no address", advice)
        return
    if where.host:
        resolved = outcome(lambda: addresses(where))
        if isinstance(resolved, Exception):
            advice = "correct --address or FHIREXPORT_ADDRESS, or the name service of this machine"
            yield Finding(
                "address", "problem", f"{where.host} has no address: {message_of(resolved)}", advice
            )
            return
        names = where.host if resolved == [where.host] else f"{where.host} is {', '.join(resolved)}"
        yield Finding("address", "ok", names)
    begun = monotonic()
    attempt = outcome(lambda: connection(where, SOCKET_SECONDS).close())
    at = where.path or f"port {where.port}"
    if isinstance(attempt, Exception):
        advice = "start the server (fhirexport-server serve), or open the way: LISTEN_ADDRESS, a firewall"
        yield Finding("connection", "problem", f"{at} accepts no connection: {message_of(attempt)}", advice)
        return
    yield Finding("connection", "ok", f"{at} accepts connections, in {_milliseconds(begun)}")
    yield _encryption(server, where)


def _encryption(server: Server, where: Place) -> Finding:
    ours = "TLS" if server.encrypted else "plaintext"
    theirs = outcome(lambda: spoken(where, SOCKET_SECONDS))
    if theirs == ours and not server.confidential:
        advice = (
            "give the server a certificate (TLS_CERTIFICATE, TLS_KEY, TLS_CLIENT_CA: docs/security.md), and "
            "leave --plaintext out"
        )
        message = "plaintext, to another machine: whoever is on the way reads everything"
        return Finding("encryption", "warning", message, advice)
    if theirs == ours:
        return Finding("encryption", "ok", f"{ours}, on both sides")
    if theirs == "plaintext":
        advice = (
            "put TLS in front of the server, or tunnel to it "
            f"(ssh -L 50051:localhost:{where.port} {where.host}) and use --address localhost:50051; or, "
            "where nobody else can listen, give --plaintext (FHIREXPORT_PLAINTEXT=true)"
        )
        why = "to any machine but its own" if server.tls is None else "as it was told to"
        message = f"the server speaks plaintext, and this client speaks TLS {why}"
        return Finding("encryption", "problem", message, advice)
    if theirs == "TLS":
        advice = (
            "give --tls, or with --ca the authority that issued the server's certificate; the certificate's "
            "name is to be that of --address, or of --server-name"
        )
        why = "to its own machine" if server.tls is None else "as it was told to"
        message = f"the server speaks TLS, and this client speaks plaintext {why}"
        return Finding("encryption", "problem", message, advice)
    if theirs == "nothing":
        advice = "the server, or what is in front of it, hangs: look at its log and its load, then restart it"
        return Finding("encryption", "problem", "connections are accepted and nothing is answered", advice)
    message = message_of(theirs) if isinstance(theirs, Exception) else f"{theirs} is spoken there"
    advice = "correct the port: gRPC is served at LISTEN_ADDRESS, 50051 unless it is set"
    return Finding("encryption", "problem", f"this is no gRPC server: {message}", advice)


def _healths(client: Client, *, without: str | None) -> Iterator[Finding]:
    """Check the health of each service; one that is switched off need not serve."""
    for name, shown in _SERVICES.items():
        status = outcome(partial(client.health, name))
        if status == "SERVING" or (name == without and isinstance(status, str)):
            yield Finding("health", "ok", f"{shown}: {status}")
            continue
        needed = name in _EXPORTS_NEED
        level: Level = "problem" if needed else "warning"
        if isinstance(status, NotFoundError):
            advice = "the server is of another release, or no fhirexport: compare the versions"
            yield Finding("health", level, f"{shown}: unknown to this server", advice)
        elif isinstance(status, str):
            advice = (
                "see the database, below; a server that is stopping says so too"
                if needed
                else "see Redis, below: exports go on without it"
            )
            yield Finding("health", level, f"{shown}: {status}", advice)
        else:
            yield Finding(
                "health", level, f"{shown}: {message_of(status)}", "ask again: it answered just now"
            )


def _redis(health: CacheHealth | Exception) -> Iterator[Finding]:
    if _is_denied(health):
        advice = "the right cache:read in the server's policy shows it; exports do without"
        yield Finding("Redis", "warning", "you have no right to see how the cache does", advice)
        return
    if isinstance(health, Exception):
        yield Finding(
            "Redis", "warning", message_of(health), "upgrade the server: it cannot say how Redis does"
        )
        return
    took = "" if health.latency is None else f", in {health.latency.total_seconds() * 1000:.1f} ms"
    match health.state:
        case "healthy":
            yield Finding("Redis", "ok", f"{health.server} answers{took}")
        case "disabled":
            yield Finding("Redis", "ok", health.message)
        case _:
            advice = "start Redis, or correct REDIS_*: docs/operations.md, 'Redis refuses connections'"
            yield Finding("Redis", "warning", health.message, advice)
    for warning in health.warnings:
        yield warned(warning)


def _database(stub: ExportServiceStub, calls: Calls, now: Callable[[], datetime]) -> Iterator[Finding]:
    begun = monotonic()
    request = ListLegalEntitiesRequest(page_size=1)
    page = outcome(lambda: stub.ListLegalEntities(request, **calls.arguments(SECONDS)))
    if _is_denied(page):
        advice = "export:… in the server's policy is what you need: docs/security.md, 'Rights'"
        yield Finding("exports", "warning", "you have no right to export anything", advice)
        return
    if isinstance(page, Exception):
        advice = _advice(page, "docs/operations.md, 'The database does not answer'")
        yield Finding("database", "problem", message_of(page), advice)
        return
    if not page.legal_entities:
        advice = "fill the database, correct DATABASE_URL, or have the server's policy give you a right"
        yield Finding("database", "warning", "it answers, and shows no legal entity (EJ) to export", advice)
        return
    yield Finding("database", "ok", f"answers, in {_milliseconds(begun)}")
    yield from _clock(stub, calls, page.legal_entities[0].ej_id, now)


def _is_denied(result: object) -> bool:
    return isinstance(result, ExportError) and result.reason == _DENIED


def _advice(error: Exception, otherwise: str) -> str:
    """Return the advice on an error of the database's."""
    if not isinstance(error, ExportError):
        return otherwise
    if error.reason == "SCHEMA_MISMATCH" and "file is not there" in error.message:
        return "put the file back, or correct DATABASE_URL; on a new machine, run fhirexport-server migrate"
    return _ADVICE.get(error.reason, otherwise)


def _read_time(stub: ExportServiceStub, calls: Calls, dataset: requests.Dataset, ej_id: int) -> datetime:
    """Return when the database was read for an export, which is begun and given up."""
    call = stub.StreamExport(
        ExportQuery(dataset, ej_id, fresh=True).stream("ndjson"), **calls.arguments(SECONDS)
    )
    try:
        for event in call:
            return Snapshot.from_message(event.started, "").read_time
    finally:
        call.cancel()
    raise IncompleteError("the stream ended before it had begun")


def _clock(
    stub: ExportServiceStub, calls: Calls, ej_id: int, now: Callable[[], datetime]
) -> Iterator[Finding]:
    """Compare the server's clock with ours: all that is known is that it was read during a call."""
    readings: dict[str, tuple[datetime, datetime, datetime]] = {}
    for name, dataset in _DATASETS.items():
        begun = now()
        read_time = outcome(partial(_read_time, stub, calls, dataset, ej_id))
        if _is_denied(read_time):
            advice = f"export:{name}:… in the server's policy would be it: docs/security.md, 'Rights'"
            yield Finding("exports", "warning", f"you have no right to the {name} of EJ {ej_id}", advice)
            continue
        if isinstance(read_time, Exception):
            advice = _advice(read_time, "docs/operations.md, 'Exports fail'")
            yield Finding(
                "exports", "problem", f"the export of {name} fails: {message_of(read_time)}", advice
            )
            return
        readings[name] = (begun, read_time, now())
    if not readings:
        return
    yield Finding("exports", "ok", f"the {_all(readings)} of EJ {ej_id} can be read")
    before, theirs, after = next(iter(readings.values()))
    apart = max(before - theirs, theirs - after)
    if apart > _CLOCK_TOLERANCE:
        order = "behind" if theirs < before else "ahead of"
        message = f"the server's is {apart.total_seconds():,.0f} s or more {order} this machine's"
        advice = "set both by NTP (chrony, systemd-timesyncd): read_time is told by the server's clock"
        yield Finding("clock", "warning", message, advice)
        return
    within = max(abs(theirs - before), abs(after - theirs)).total_seconds()
    yield Finding("clock", "ok", f"the server's is within {within:.2f} s of this machine's")


def _all(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _milliseconds(begun: float) -> str:
    return f"{(monotonic() - begun) * 1000:.1f} ms"
