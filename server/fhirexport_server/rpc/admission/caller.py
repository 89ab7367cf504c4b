"""Who makes a call: the one place that decides it, for every limit that is kept by caller."""

from typing import NamedTuple
from urllib.parse import unquote

from fhirexport_server.rpc.call import Context


class Caller(NamedTuple):
    """Who makes a call."""

    connection: str
    """Its connection, as gRPC names it: `ipv4:10.0.0.7:51123`."""
    peer: str
    """The machine at the other end, `10.0.0.7`; `unix` for every caller on a Unix socket."""
    identity: str | None = None
    """Who it says and proves to be. None for everybody: this server knows no identities yet."""

    @property
    def owner(self) -> str:
        """What the limits of a peer count by: its identity, where it has one."""
        return self.identity or self.peer


def caller(context: Context) -> Caller:
    """Returns who makes a call."""
    connection = context.peer()
    scheme, _, rest = connection.partition(":")
    peer = unquote(rest).rpartition(":")[0] if scheme in {"ipv4", "ipv6"} else scheme
    return Caller(connection, peer.strip("[]"))
