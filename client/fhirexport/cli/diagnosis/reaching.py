"""How far an address leads, below gRPC: its name, its port, and the protocol that is spoken there."""

import socket
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Literal, TypeVar

T = TypeVar("T")
Spoken = Literal["plaintext", "TLS", "HTTP/1.1", "something else", "nothing"]

SOCKET_SECONDS = 3.0
"""How long a connection, and an answer, may take."""
# RFC 9113, 3.4: what a client that speaks HTTP/2 begins with; a server answers with a SETTINGS frame.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME_HEADER = 9
_SETTINGS = 4
_TLS_ALERT = 0x15
_LAST_PORT = 65_535


@dataclass(frozen=True)
class Place:
    """Where a target leads."""

    host: str
    """Empty for a Unix socket."""
    port: int
    path: str = ""
    """Of a Unix socket."""


def place(target: str) -> Place | None:
    """Parse a target, as gRPC names servers; return None where it is none."""
    if target.startswith("unix:"):
        path = target.removeprefix("unix:")
        return Place("", 0, path.removeprefix("//") if path.startswith("///") else path)
    for scheme in ("dns:///", "dns:", "ipv4:", "ipv6:"):
        target = target.removeprefix(scheme)
    host, _, port = target.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or "/" in host or (":" in host and not bracketed):
        return None
    if not port.isdecimal() or not port.isascii() or not 0 < int(port) <= _LAST_PORT:
        return None
    return Place(host, int(port))


def bounded(work: Callable[[], T], seconds: float) -> T:
    """Do a piece of work that may hang, such as looking a name up, and give it up after a while.

    Raises:
        TimeoutError: it took longer; it goes on in a thread that nobody waits for.
        Exception: what the work raises.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again, at the waiter's
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result(seconds)


def addresses(where: Place) -> list[str]:
    """Return the addresses of a host, each once.

    Raises:
        OSError: it has none.
    """
    try:
        resolved = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except (UnicodeError, OverflowError):
        raise socket.gaierror(socket.EAI_NONAME, "this is no name of a host, or no port") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in resolved))


def connection(where: Place, seconds: float) -> socket.socket:
    """Return a connection.

    Raises:
        OSError: nobody accepts one there.
    """
    if not where.path:
        return socket.create_connection((where.host, where.port), seconds)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(seconds)
    try:
        client.connect(where.path)
    except OSError:
        client.close()
        raise
    return client


def spoken(where: Place, seconds: float) -> Spoken:
    """Return the protocol that is spoken at a place, `nothing` where it accepts connections and is silent.

    Raises:
        OSError: nobody accepts a connection there.
    """
    with connection(where, seconds) as client:
        try:
            client.sendall(_PREFACE)
            answer = client.recv(_FRAME_HEADER)
        except TimeoutError:
            return "nothing"
        except OSError:
            answer = b""  # hung up on us, as a server that wants TLS may
    if len(answer) == _FRAME_HEADER and answer[3] == _SETTINGS:
        return "plaintext"
    if answer.startswith(b"HTTP/1"):
        return "HTTP/1.1"
    if not answer or answer[0] == _TLS_ALERT:
        return "TLS" if _shakes_hands(where, seconds) else "something else"
    return "something else"


def _shakes_hands(where: Place, seconds: float) -> bool:
    with connection(where, seconds) as client:
        try:
            with _trusting().wrap_socket(client, server_hostname=where.host or None):
                return True
        except OSError:
            return False


def _trusting() -> ssl.SSLContext:
    """Return a context to find out what is spoken; whether to trust it is left to gRPC."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


def wants_certificate(where: Place, seconds: float) -> bool:
    """Say whether a server that speaks TLS hangs up on clients that show no certificate.

    Raises:
        OSError: nobody accepts a connection there.
    """
    with connection(where, seconds) as client:
        try:
            # With TLS 1.3, the client is done before the server has asked; its answer is read after.
            with _trusting().wrap_socket(client, server_hostname=where.host or None) as encrypted:
                # One of gRPC's says something at once.
                return not encrypted.recv(1)
        except ssl.SSLError as error:
            return (error.reason or "").endswith(("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE"))
        except OSError:
            return False
