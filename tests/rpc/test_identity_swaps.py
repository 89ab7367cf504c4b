"""Shows that keys and tokens are replaced under load: who is known gets in, and nobody else."""

import asyncio
import hashlib
import secrets
from pathlib import Path

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ListLegalEntitiesRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.app import running
from fhirexport_server.identities import fetched_keys
from fhirexport_server.runtime.reading import kept_file
from support.certificates import Site
from support.metrics import read
from support.server import PATIENCE, settings
from support.status import refused
from support.tokens import Issuer, new_key
from support.web import serving

ROUNDS = 50
"""Of two swaps each: a key more, and one less."""
CALLERS = 4
ENTITIES = ListLegalEntitiesRequest()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_file, "CHECK_SECONDS", 0.02)


async def _told(channel: grpc.aio.Channel, token: str) -> str:
    metadata = (("authorization", f"Bearer {token}"),)
    try:
        await ExportServiceStub(channel).ListLegalEntities(ENTITIES, metadata=metadata, timeout=PATIENCE)
    except grpc.aio.AioRpcError as error:
        return refused(error).metadata.get("problem", error.code().name)
    return "OK"


async def _until(channel: grpc.aio.Channel, token: str, told: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while await _told(channel, token) != told:
            await asyncio.sleep(0.02)


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_keys_are_swapped_under_load_and_nobody_notices_but_who_must(
    small_url: str, tmp_path: Path
) -> None:
    site, issuer = Site(tmp_path), Issuer(tmp_path)
    secured = settings(small_url, **site.settings(mutual=False), **issuer.settings())
    wrong: list[str] = []
    calls = 0
    names = ["first"]

    async def call(channel: grpc.aio.Channel) -> None:
        nonlocal calls
        while names:
            # The newest key is used as soon as it is published.
            told = await _told(channel, issuer.token(key=names[-1]))
            calls += 1
            wrong.extend([told] if told != "OK" else [])

    async with (
        running(secured) as app,
        grpc.aio.secure_channel(app.address, site.credentials(named=False)) as channel,
    ):
        callers = [asyncio.create_task(call(channel)) for _ in range(CALLERS)]
        for number in range(ROUNDS):
            new, old = f"key-{number}", names[-1]
            issuer.keys[new] = new_key()
            issuer.publish()
            names.append(new)
            before = calls
            while calls < before + 2 * CALLERS:
                await asyncio.sleep(0.01)
            last = issuer.token(key=old)
            assert await _told(channel, last) == "OK"
            del issuer.keys[old]
            issuer.publish()
            await _until(channel, last, "unknown_key")
            for _ in range(5):
                assert await _told(channel, last) == "unknown_key"
        names.clear()
        await asyncio.gather(*callers)
    assert (wrong, calls >= ROUNDS * CALLERS) == ([], True)


@pytest.mark.long
async def test_a_bad_file_of_keys_or_tokens_is_told_and_changes_nothing(
    small_url: str, tmp_path: Path
) -> None:
    site, issuer = Site(tmp_path), Issuer(tmp_path)
    tokens, token = tmp_path / "tokens.toml", secrets.token_urlsafe(32)
    tokens.write_text(f'lab = "sha256:{hashlib.sha256(token.encode()).hexdigest()}"\n')
    both = issuer.settings(tokens_file=tokens, metrics_address="127.0.0.1:0")
    async with (
        running(settings(small_url, **site.settings(mutual=False), **both)) as app,
        grpc.aio.secure_channel(app.address, site.credentials(named=False)) as channel,
    ):
        good = (issuer.token(), token)
        assert [await _told(channel, one) for one in good] == ["OK", "OK"]
        assert await _told(channel, secrets.token_urlsafe(32)) == "unknown_token"
        sources = {"jwks": issuer.file, "tokens": tokens}
        for name, file in sources.items():
            before = file.read_bytes()
            file.write_text("nonsense")
            async with asyncio.timeout(PATIENCE):
                while not (await read(str(app.metrics_address))).value(
                    "fhirexport_identities_refused", source=name
                ):
                    await asyncio.sleep(0.02)
            assert [await _told(channel, one) for one in good] == ["OK", "OK"]
            file.write_bytes(before)
        tokens.write_text("")
        await _until(channel, token, "unknown_token")
        page = await read(str(app.metrics_address))
        assert page.value("fhirexport_identities_loads_total", source="jwks", outcome="refused") == 1
        assert page.value("fhirexport_identities_loads_total", source="tokens", outcome="loaded") >= 1


@pytest.mark.long
async def test_keys_come_from_an_address_and_until_they_have_nobody_can_tell(
    small_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, issuer = Site(tmp_path), Issuer(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(site.ca))
    monkeypatch.setenv("no_proxy", "localhost")
    monkeypatch.setattr(fetched_keys, "SHORTEST_SECONDS", 0.05)
    with serving(site) as web:
        web.status = 500
        from_address = issuer.settings(jwt_jwks=web.url)
        async with (
            running(settings(small_url, **site.settings(mutual=False), **from_address)) as app,
            grpc.aio.secure_channel(app.address, site.credentials(named=False)) as channel,
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ExportServiceStub(channel).ListLegalEntities(
                    ENTITIES, metadata=(("authorization", f"Bearer {issuer.token()}"),), timeout=PATIENCE
                )
            told = refused(caught.value)
            assert (told.code, told.reason) == ("UNAVAILABLE", "CREDENTIALS_UNCHECKED")
            assert (told.metadata, told.retry_seconds) == ({"missing": "keys"}, 5.0)
            web.content, web.status = issuer.file.read_bytes(), 200
            await _until(channel, issuer.token(), "OK")
            issuer.keys["second"] = new_key()
            issuer.publish()
            web.content = issuer.file.read_bytes()
            # It is fetched for the first token that names it, not at the next turn in five minutes.
            assert await _told(channel, issuer.token(key="second")) == "OK"
            web.status = 500
            assert await _told(channel, issuer.token(key="third")) == "unknown_key"
            assert await _told(channel, issuer.token()) == "OK"
