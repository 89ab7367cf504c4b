"""The caller of a call. Only this module decides who it is, for all limits by caller."""

from typing import NamedTuple
from urllib.parse import unquote

from fhirexport_server.domain.identity import Identity
from fhirexport_server.rpc.call import Context


class Caller(NamedTuple):
    """The caller of a call."""

    connection: str
    """Its connection, as gRPC names it: `ipv4:10.0.0.7:51123`."""
    peer: str
    """The machine at the other end, `10.0.0.7`; `unix` for every caller on a Unix socket."""
    identity: str | None = None
    """The key of its proven identity (`domain/identity.py`); None where it has shown none."""

    @property
    def owner(self) -> str:
        """The key of the limits by peer: its identity, where it has one."""
        return self.identity or self.peer


def caller(context: Context, identity: Identity | None = None) -> Caller:
    """Return the caller of a call, whose identity may be proven."""
    connection = context.peer()
    scheme, _, rest = connection.partition(":")
    peer = unquote(rest).rpartition(":")[0] if scheme in {"ipv4", "ipv6"} else scheme
    return Caller(connection, peer.strip("[]"), None if identity is None else identity.key)
