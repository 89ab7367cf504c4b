"""The port that the workers share: reserved by the parent, which never listens on it itself."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from fhirexport_server.runtime.listening import ListenError


@contextmanager
def shared_port(address: str) -> Iterator[str]:
    """Reserve a port for processes of this user; yield the address with the actual port.

    With SO_REUSEPORT alone, a second server would silently take a part of the first one's connections. So the
    port is bound without it first, which fails where somebody listens. A socket that is bound and does not
    listen gets no connections.

    Args:
        address: `host:port` or `[ipv6]:port`; port 0 takes a free one.

    Raises:
        ListenError: The address is taken, not this machine's, or not permitted.
    """
    host, _, port = address.rpartition(":")
    number = int(port)
    with ExitStack() as stack:
        try:
            found = socket.getaddrinfo(
                host.strip("[]"), number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, _, _, _, name in found:
                with _bound(family, _with_port(name, number), shared=False) as alone:
                    number = alone.getsockname()[1]
                stack.enter_context(_bound(family, _with_port(name, number), shared=True))
        except OSError as error:
            raise ListenError(address) from error
        yield f"{host}:{number}"


def _with_port(name: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    return (name[0], number, *name[2:])


def _bound(family: int, name: tuple[Any, ...], *, shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(name)
    except OSError:
        bound.close()
        raise
    return bound
