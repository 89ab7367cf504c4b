"""Addresses: whether only this machine can reach them."""

import ipaddress


class ListenError(Exception):
    """The address cannot be listened on: it is taken, not this machine's, or not permitted."""


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach a listening address.

    Raises:
        ValueError: The address is neither `host:port` nor `unix:path`.
    """
    if address.startswith("unix:") and len(address) > len("unix:"):
        return True
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    plain = bare.isascii() and bare.isprintable() and not any(c in bare for c in " /[]")
    if not colon or not bare or not plain or (":" in bare) != bracketed or not _is_port(port):
        raise ValueError("must be host:port or unix:/path, such as 127.0.0.1:50051 or [::1]:50051")
    return is_this_machine(bare)


def is_this_machine(host: str) -> bool:
    """Return whether a host, by its name or address or a Unix socket's path, is this machine for certain."""
    if host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= 65_535  # noqa: PLR2004 - the last TCP port
