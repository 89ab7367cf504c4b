"""Shows Redis over TLS: with an authority and a certificate of one's own, which may be replaced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fhirexport_server.cache.redis.breaker import State
from fhirexport_server.cache.redis.connection import Link, linked
from fhirexport_server.certificates.throwaway import Authority
from redis.asyncio import Redis
from support.certificates import NAMES, Site
from support.server import PATIENCE
from support.tls import behind_tls
from support.valkey import Valkey, unhurried


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@asynccontextmanager
async def _encrypted(valkey: Valkey, site: Site) -> AsyncIterator[str]:
    context = site.server_context(mutual=True, protocol="redis")
    async with behind_tls(str(valkey.socket), context=context) as address:
        yield address


@asynccontextmanager
async def _linked(url: str) -> AsyncIterator[Link]:
    async with linked(unhurried(url), lambda _: None) as link:
        yield link


async def test_redis_is_reached_with_an_authority_and_a_certificate_of_ones_own(
    valkey: Valkey, site: Site
) -> None:
    certificate, key = site.client_files()
    shown = f"ssl_certfile={certificate}&ssl_keyfile={key}"
    async with _encrypted(valkey, site) as address:
        for options, state in (
            (f"ssl_ca_certs={site.ca}&{shown}", State.AVAILABLE),
            (f"ssl_ca_certs={site.ca}", State.UNAVAILABLE),  # no certificate
            (shown, State.UNAVAILABLE),  # an authority that the system does not know
        ):
            async with _linked(f"rediss://{address}?{options}") as link:
                assert link.breaker.state is state


async def test_a_certificate_of_another_name_is_refused(valkey: Valkey, site: Site) -> None:
    certificate, key = site.client_files()
    site.install(*site.authority.server(["redis.test"]))
    async with _encrypted(valkey, site) as address:
        url = f"rediss://{address}?ssl_ca_certs={site.ca}&ssl_certfile={certificate}&ssl_keyfile={key}"
        async with _linked(url) as link:
            assert link.breaker.state is State.UNAVAILABLE


async def test_connections_made_later_use_the_files_as_they_are_then(valkey: Valkey, site: Site) -> None:
    certificate, key = site.client_files()
    url = f"?ssl_ca_certs={site.ca}&ssl_certfile={certificate}&ssl_keyfile={key}"
    context = site.server_context(mutual=True, protocol="redis")
    async with (
        behind_tls(str(valkey.socket), context=context) as address,
        _linked(f"rediss://{address}{url}") as link,
    ):
        assert link.breaker.state is State.AVAILABLE
        site.authority = Authority()
        site.ca.write_bytes(site.authority.pem)
        site.install(*site.authority.server(NAMES))
        site.client_files()
        context.load_cert_chain(site.certificate, site.key)
        context.load_verify_locations(site.ca)
        assert isinstance(link.client, Redis)
        await link.client.connection_pool.disconnect()
        await link.probe()
        async with asyncio.timeout(PATIENCE):
            while link.breaker.state is not State.AVAILABLE:
                await link.probe()
