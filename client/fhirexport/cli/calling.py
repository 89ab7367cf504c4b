"""Owns finding out whether gRPC calls work at all, and why they do not."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import grpc

from fhirexport import _channel
from fhirexport.cli.findings import Finding, outcome, told
from fhirexport.cli.reaching import SOCKET_SECONDS, Place, connection
from fhirexport.client import Client
from fhirexport.errors import ExportError, NotFoundError


def channel(target: str) -> grpc.Channel:
    """Returns a channel as clients have it, but for one that passes over servers that do not serve."""
    return _opened(target, _channel.credentials(target, None))


def silence(client: Client, target: str, where: Place) -> Finding | None:
    """Returns what is wrong where gRPC itself does not work; None where it does."""
    error = outcome(lambda: client.health(""))
    if isinstance(error, ExportError) and error.code is grpc.StatusCode.UNAVAILABLE and where.host:
        error = _of_one_address(target, where) or error
    match error:
        case NotFoundError() | str():
            return None
        case ExportError(code=grpc.StatusCode.UNIMPLEMENTED):
            advice = "correct the address: what is served there has no health service, as fhirexport has"
        case ExportError(message=text) if "CERTIFICATE" in text.upper():
            advice = (
                "have gRPC trust the certificate: GRPC_DEFAULT_SSL_ROOTS_FILE_PATH names a PEM file of "
                "authorities; and use a name that is in it"
            )
        case _:
            advice = (
                "look at the server's log; if a proxy is set here (http_proxy), except the server (no_proxy)"
            )
    return Finding("gRPC", "problem", f"calls fail: {told(error)}", advice)


def _of_one_address(target: str, where: Place) -> Exception | None:
    """Returns how a call fails at the address that accepts connections; None where it does not.

    Of a name with several addresses, gRPC tells how it failed at one: maybe one where nobody listens.
    """
    found = outcome(lambda: _address(where))
    if isinstance(found, Exception):
        return None
    version = ip_address(found).version
    host = f"[{found}]" if version == 6 else found  # noqa: PLR2004 - of IP
    # Only the way is another: the server is called, and known, by its name.
    name = (
        ("grpc.default_authority", f"{where.host}:{where.port}"),
        ("grpc.ssl_target_name_override", where.host),
    )
    opened = _opened(f"ipv{version}:{host}:{where.port}", _channel.credentials(target, None), name)
    with opened as alone, Client(channel=alone) as client:
        error = outcome(lambda: client.health(""))
    return error if isinstance(error, Exception) else None


def _address(where: Place) -> str:
    with connection(where, SOCKET_SECONDS) as made:
        return str(made.getpeername()[0])


def _opened(
    target: str, credentials: grpc.ChannelCredentials | None, more: Sequence[tuple[str, Any]] = ()
) -> grpc.Channel:
    options = (*_channel.options(watched=False), *more)
    if credentials is None:
        return grpc.insecure_channel(target, options=options)
    return grpc.secure_channel(target, credentials, options=options)
