"""Whether gRPC calls work at all, and why they do not."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import grpc

from fhirexport._internal.channels import Server
from fhirexport._internal.tls import GRPC_ROOTS, TLS
from fhirexport.cli.diagnosis.findings import Finding, message_of, outcome
from fhirexport.cli.diagnosis.reaching import SOCKET_SECONDS, Place, connection, wants_certificate
from fhirexport.client import Client
from fhirexport.errors import ExportError, NotFoundError, UnauthorizedError


def channel(server: Server) -> grpc.Channel:
    """Return a channel as clients have it, but for one that passes over servers that do not serve."""
    return _channel(server, server.target)


def silence(client: Client, server: Server, where: Place) -> Finding | None:
    """Return why calls fail; None where they work."""
    error = outcome(lambda: client.health(""))
    if isinstance(error, ExportError) and error.code is grpc.StatusCode.UNAVAILABLE and where.host:
        error = _of_one_address(server, where) or error
    match error:
        case NotFoundError() | str() | UnauthorizedError():
            return None
        case ExportError(code=grpc.StatusCode.UNIMPLEMENTED):
            advice = "correct the address: what is served there has no health service, as fhirexport has"
        case ExportError(message=text) if "HOSTNAME VERIFICATION" in text.upper():
            advice = (
                "use the name in the server's certificate as --address, or say which it is with "
                "--server-name (FHIREXPORT_SERVER_NAME)"
            )
            return Finding("gRPC", "problem", "the server's certificate is for another name", advice)
        case ExportError(message=text) if "CERTIFICATE_VERIFY_FAILED" in text.upper():
            advice = (
                "give the authority that issued it with --ca (FHIREXPORT_CA); without it, the system's "
                f"count, or those of {GRPC_ROOTS} where it is set"
            )
            message = f"the server's certificate is not trusted: {_cause(text)}"
            return Finding("gRPC", "problem", message, advice)
        case ExportError() if server.encrypted and outcome(lambda: _wanting(server, where)) is True:
            advice = "give --cert and --key (FHIREXPORT_CERT, FHIREXPORT_KEY), of an authority that it trusts"
            return Finding(
                "gRPC", "problem", "the server hangs up on this client, and wants a certificate of it", advice
            )
        case _:
            advice = (
                "look at the server's log; if a proxy is set here (http_proxy), except the server (no_proxy)"
            )
    return Finding("gRPC", "problem", f"calls fail: {message_of(error)}", advice)


def _wanting(server: Server, where: Place) -> bool:
    shown = isinstance(server.tls, TLS) and server.tls.certificate_chain is not None
    return not shown and wants_certificate(where, SOCKET_SECONDS)


def _cause(text: str) -> str:
    """Return what OpenSSL says of a certificate, at the end of a message of gRPC's."""
    return text.upper().partition("CERTIFICATE_VERIFY_FAILED:")[2].partition(":")[0].strip().lower()


def _of_one_address(server: Server, where: Place) -> Exception | None:
    """Return how a call fails at the address that accepts connections; None where it does not.

    Of a name with several addresses, gRPC tells how it failed at one: maybe one where nobody listens.
    """
    address = outcome(lambda: _address(where))
    if isinstance(address, Exception):
        return None
    version = ip_address(address).version
    host = f"[{address}]" if version == 6 else address  # noqa: PLR2004 - of IP
    # Only the way is another: the server is called, and known, by its name.
    name = [("grpc.default_authority", f"{where.host}:{where.port}")]
    if not (isinstance(server.tls, TLS) and server.tls.server_name):
        name.append(("grpc.ssl_target_name_override", where.host))
    with (
        _channel(server, f"ipv{version}:{host}:{where.port}", name) as direct,
        Client(channel=direct) as client,
    ):
        error = outcome(lambda: client.health(""))
    return error if isinstance(error, Exception) else None


def _address(where: Place) -> str:
    with connection(where, SOCKET_SECONDS) as socket:
        return str(socket.getpeername()[0])


def _channel(server: Server, target: str, extra: Sequence[tuple[str, Any]] = ()) -> grpc.Channel:
    credentials = server.credentials()
    options = (*server.options(watched=False, retries=False), *extra)
    if credentials is None:
        return grpc.insecure_channel(target, options=options)
    return grpc.secure_channel(target, credentials, options=options)
