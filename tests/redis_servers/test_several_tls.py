"""Shows TLS, an authority, a certificate and a user of one's own, for Sentinels and for what they watch."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.connection import linked
from support.certificates import Site
from support.documented import ROOT, commands
from support.ports import free_port
from support.tls import with_or_without_tls
from support.valkey import unhurried
from support.valkey_cluster import SHARDS, NodesCluster
from support.valkey_node import Node
from support.valkey_sentinel import SERVICE, SentinelGroup

(ACL,) = [command.line for command in commands("docs/operations.md") if "ACL SETUSER" in command.line]
OF_CLUSTERS = "+cluster|slots +cluster|nodes +command"
OF_SENTINELS = "+sentinel|masters"
WATCHER = f"user watcher on >watching resetchannels -@all +@connection {OF_SENTINELS}"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@asynccontextmanager
async def sentinels(site: Site, directory: Path) -> AsyncIterator[tuple[str, list[Node], list[Node]]]:
    """Yields where they are, the servers that keep data, and the Sentinels."""
    context = site.server_context(mutual=True, protocol="redis")
    async with AsyncExitStack() as stack:
        port = free_port()
        front = await stack.enter_async_context(with_or_without_tls(f"127.0.0.1:{port}", context))
        group = SentinelGroup(directory, port=port, announced=front, more=WATCHER)
        stack.callback(group.kill)
        await asyncio.to_thread(group.start)
        hosts = [
            await stack.enter_async_context(with_or_without_tls(f"127.0.0.1:{one.port}", context))
            for one in group.sentinels
        ]
        where = ",".join(f"127.0.0.1:{host}" for host in hosts)
        yield f"rediss+sentinel://fhirexport:password@{where}/{SERVICE}/0", group.nodes, group.sentinels


@asynccontextmanager
async def cluster(site: Site, directory: Path) -> AsyncIterator[tuple[str, list[Node], list[Node]]]:
    context = site.server_context(mutual=True, protocol="redis")
    async with AsyncExitStack() as stack:
        ports = [free_port() for _ in range(SHARDS)]
        fronts = {
            port: await stack.enter_async_context(with_or_without_tls(f"127.0.0.1:{port}", context))
            for port in ports
        }
        nodes = NodesCluster(directory, fronts=fronts)
        stack.callback(nodes.kill)
        await asyncio.to_thread(nodes.start)
        where = ",".join(f"127.0.0.1:{front}" for front in fronts.values())
        yield f"rediss+cluster://fhirexport:password@{where}", nodes.nodes, []


async def state(url: str) -> tuple[State, str]:
    async with linked(unhurried(url), lambda _: None) as link:
        return link.breaker.state, link.breaker.why


def users(node: Node, user: str) -> bool:
    """Whether there is a connection of the cache as this user."""
    with node.client() as client:
        return any(one["user"] == user and one["name"] == "fhirexport" for one in client.client_list())


@pytest.mark.long
@pytest.mark.parametrize("made", [sentinels, cluster])
async def test_every_server_is_reached_with_tls_a_certificate_and_a_user_of_ones_own(
    made: object, site: Site, tmp_path: Path
) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    assert OF_CLUSTERS in page
    assert OF_SENTINELS in page
    certificate, key = site.client_files()
    shown = f"ssl_certfile={certificate}&ssl_keyfile={key}"
    of_sentinels = "&sentinel_username=watcher&sentinel_password={}" if made is sentinels else ""
    trusted = f"?ssl_ca_certs={site.ca}&{shown}"
    (tmp_path / "nodes").mkdir()
    async with (sentinels if made is sentinels else cluster)(site, tmp_path / "nodes") as (
        url,
        nodes,
        watchers,
    ):
        for node in nodes:
            with node.client() as client:
                client.execute_command(*shlex.split(ACL)[1:])
                if not watchers:
                    client.execute_command("ACL", "SETUSER", "fhirexport", *OF_CLUSTERS.split())
        login = of_sentinels.format("watching")
        async with linked(unhurried(f"{url}{trusted}{login}"), lambda _: None) as link:
            assert (link.breaker.state, link.breaker.why) == (State.AVAILABLE, "")
            assert await link.ask(link.servers.standing) is not None
            assert all(users(node, "fhirexport") for node in nodes)
            assert not watchers or any(users(node, "watcher") for node in watchers)
        wrong = [
            url.replace("password", "CANARY") + trusted + login,
            f"{url}?ssl_ca_certs={site.ca}{login}",  # no certificate
            f"{url}?{shown}{login}",  # an authority that the system does not know
            f"{url.replace('rediss', 'redis')}{login and '?'}{login[1:]}",  # no TLS, which reaches them here
        ]
        found = [await state(one) for one in wrong]
        assert [one for one, _ in found] == [State.UNAVAILABLE] * 3 + [State.AVAILABLE]
        assert not any("CANARY" in why for _, why in found)
        if watchers:
            bad, why = await state(f"{url}{trusted}{of_sentinels.format('CANARY')}")
            assert bad is State.UNAVAILABLE
            assert "CANARY" not in why
