"""How the processes of a siege reach the server: in the clear, or over TLS with a token."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import grpc
import msgspec
from support import attacking
from support.attacking import Connection
from support.certificates import Site
from support.server import ServerProcess, server_process, wait_for_health
from support.tokens import ISSUER, Issuer

ATTACKER, CALLER = "attacker", "caller"
"""The subjects of their tokens: both may do everything, so that nothing is refused for its rights."""
_POLICY = """
[[callers]]
name = "{0}"
jwt = {{ issuer = "{1}", subject = "{0}" }}
rights = ["export:*:*", "watch:*:*", "import:*", "cache:read", "cache:admin"]
"""


class Target(msgspec.Struct, frozen=True):
    """A server, and what is needed to call it."""

    address: str
    """`host:port`."""
    authority: str = ""
    """The PEM of who has issued its certificate; empty where it has none."""
    token: str = ""

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """What goes with each call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def channel(target: Target, options: Sequence[tuple[str, int]] = ()) -> grpc.aio.Channel:
    """Return a channel to the server, whose calls carry the token."""
    if not target.authority:
        return grpc.aio.insecure_channel(target.address, options=options)
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(target.authority.encode()),
        grpc.access_token_call_credentials(target.token),
    )
    return grpc.aio.secure_channel(target.address, credentials, options)


def connected(
    target: Target, *, window: int, grants: bool, source: str | None
) -> AbstractAsyncContextManager[Connection]:
    """Connect to the server without gRPC."""
    context = None
    if target.authority:
        context = ssl.create_default_context(cadata=target.authority)
        context.set_alpn_protocols(["h2"])
    return attacking.connected(
        target.address, window=window, grants=grants, source=source, context=context, headers=target.headers
    )


@asynccontextmanager
async def besieged_server(
    directory: Path, url: str, *, guarded: bool, **variables: str
) -> AsyncIterator[tuple[ServerProcess, Target, Target]]:
    """Run a server; yield it, and how attackers and well-behaved callers reach it.

    Args:
        directory: Where it runs.
        url: Its database.
        guarded: Whether it has TLS, asks for tokens, has a policy, and keeps an audit trail.
        variables: Its other settings.
    """
    if not guarded:
        async with server_process(directory, url, serving=True, **variables) as server:
            target = Target(server.address)
            yield server, target, target
        return
    site, issuer, policy = Site(directory), Issuer(directory), directory / "policy.toml"
    policy.write_text("".join(_POLICY.format(name, ISSUER) for name in (ATTACKER, CALLER)))
    given = site.settings(mutual=False) | issuer.settings(policy_file=policy)
    settings = {name.upper(): str(value) for name, value in given.items()}
    settings["AUDIT_DIRECTORY"] = str(directory / "audit")
    async with server_process(directory, url, serving=False, **settings, **variables) as server:
        attacker, caller = (
            Target(
                server.address,
                site.authority.pem.decode(),
                issuer.token(sub=subject, exp=timedelta(hours=12)),
            )
            for subject in (ATTACKER, CALLER)
        )
        await wait_for_health(server.address, credentials=site.credentials(named=False))
        yield server, attacker, caller
