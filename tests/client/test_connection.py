"""Shows that a server is reached wherever it is, and that what is sent to it is for nobody else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from fhirexport import TLS, AsyncClient, Client, DeadlineExceededError, LegalEntity, UnavailableError
from fhirexport._internal.tls import system_certificates
from support.scripted import COMPLETE, HANG, playing, started
from support.server import PATIENCE, running_server, wait_for_health
from support.tls import CA, CERT, FOLDER, KEY, OTHER_CA, behind_tls

Ask = Callable[..., Awaitable[list[LegalEntity]]]


@pytest.fixture
async def address(new_group: Callable[[str, int], str]) -> AsyncIterator[str]:
    url = new_group("sqlite", 20)
    async with running_server(url) as address:
        await wait_for_health(address)
        yield address


async def _ask_sync(address: str, **options: Any) -> list[LegalEntity]:
    def ask() -> list[LegalEntity]:
        with Client(address, **options) as client:
            assert list(client.structure(1))
            assert client.cache.health().state
            return list(client.entities())

    return await asyncio.to_thread(ask)


async def _ask_async(address: str, **options: Any) -> list[LegalEntity]:
    async with AsyncClient(address, **options) as client:
        assert [one async for one in client.structure(1)]
        assert (await client.cache.health()).state
        return [one async for one in client.entities()]


@pytest.fixture(params=[_ask_sync, _ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Asks a server with one of the two clients."""
    way: Ask = request.param
    return way


# --- TLS ------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_both_clients_reach_a_server_behind_tls(ask: Ask, address: str) -> None:
    expected = await ask(address)
    async with behind_tls(address) as encrypted:
        port = encrypted.rpartition(":")[2]
        for target, options in (
            (encrypted, {"tls": TLS.from_files(CA)}),
            (encrypted, {"root_certificates": CA.read_bytes()}),
            (f"127.0.0.1:{port}", {"tls": TLS.from_files(CA, server_name="export.test")}),
            (f"ipv4:127.0.0.1:9,127.0.0.1:{port}", {"tls": TLS.from_files(CA, server_name="export.test")}),
        ):
            assert await ask(target, **options) == expected
        with pytest.raises(UnavailableError):
            await ask(encrypted, tls=TLS.from_files(OTHER_CA), timeout=PATIENCE)
        with pytest.raises(UnavailableError):
            await ask(encrypted, tls=TLS.from_files(CA, server_name="other.test"), timeout=PATIENCE)


async def test_both_clients_show_their_certificate(ask: Ask, address: str) -> None:
    async with behind_tls(address, mutual=True) as encrypted:
        assert await ask(encrypted, tls=TLS.from_files(CA, CERT, KEY)) == await ask(address)
        with pytest.raises(UnavailableError):
            await ask(encrypted, tls=TLS.from_files(CA), timeout=PATIENCE)


async def test_the_systems_certificates_are_trusted(
    ask: Ask, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", raising=False)
    async with behind_tls(address) as encrypted:
        with pytest.raises(UnavailableError):
            await ask(encrypted, tls=True, timeout=PATIENCE)
        monkeypatch.setenv("SSL_CERT_FILE", str(CA))
        assert await ask(encrypted, tls=True) == await ask(address)


def test_certificates_are_found_where_systems_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", raising=False)
    found = system_certificates()
    assert found is not None
    assert found.count(b"BEGIN CERTIFICATE") > 50
    # A folder, as OpenSSL keeps them; what else is in it is no authority.
    (tmp_path / "0a1b2c3d.0").write_bytes(CA.read_bytes())
    (tmp_path / "README").write_bytes(OTHER_CA.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert system_certificates() == CA.read_bytes()
    # None at all: it is not gRPC's own list that counts then, without a word.
    (tmp_path / "0a1b2c3d.0").unlink()
    monkeypatch.setattr("fhirexport._internal.tls._BUNDLES", ())
    with pytest.raises(ValueError, match="ca-certificates"):
        Client("export.example:50051")
    monkeypatch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(CA))
    assert system_certificates() is None


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"ca": KEY}, "has no certificates in PEM"),
        ({"cert": CERT}, "a certificate and its key"),
        ({"cert": CERT, "key": FOLDER / "server-key.pem"}, "no certificate and its key"),
        ({"cert": KEY, "key": KEY}, "no certificate and its key"),
    ],
)
def test_files_that_are_something_else_are_refused(files: dict[str, Path], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TLS.from_files(**files)  # type: ignore[arg-type]  # one of them is none


def test_a_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(TLS.from_files(CA, CERT, KEY))


@pytest.mark.parametrize("target", ["", " ", "host:99999", "localhost:0", "http://localhost:50051"])
def test_a_target_that_leads_nowhere_is_refused(target: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(ValueError, match=r"\bhost:port|a port is a number"):
            kind(target)


# --- metadata and time ----------------------------------------------------------------------------


async def test_metadata_goes_with_each_call() -> None:
    numbers = iter(range(9))

    def metadata() -> dict[str, str]:
        return {"Authorization": f"Bearer {next(numbers)}"}

    def sync(address: str) -> None:
        with Client(address, metadata=metadata) as client:
            client.patients(1).read()
            client.patients(1).read()

    async with playing([started(), grpc.StatusCode.UNAVAILABLE], COMPLETE) as (address, server):
        await asyncio.to_thread(sync, address)
        async with AsyncClient(address, metadata=(("x-reason", "nightly"),)) as client:
            await client.patients(1).read()
            await client.patients(1).read()
    # One is sent for again, because the stream broke: it is asked for anew.
    assert [one.get("authorization") for one in server.metadata[:3]] == ["Bearer 0", "Bearer 1", "Bearer 2"]
    assert [one.get("x-reason") for one in server.metadata[3:]] == ["nightly"] * 2


def test_a_token_is_not_sent_for_others_to_read() -> None:
    token = {"authorization": "Bearer secret"}
    for kind in (Client, AsyncClient):
        with pytest.raises(ValueError, match="without TLS") as refused:
            kind("export.example:50051", tls=False, metadata=token)
        assert "secret" not in str(refused.value)
    with Client("export.example:50051", tls=False, metadata=lambda: token) as client:
        with pytest.raises(ValueError, match="without TLS"):
            client.patients(1).read()
        with pytest.raises(ValueError, match="without TLS"):
            client.health()
    Client("localhost:50051", metadata=token).close()
    Client("export.example:50051", metadata=token).close()


async def test_a_call_takes_no_longer_than_it_may(ask: Ask) -> None:
    async with playing([started(), HANG]) as (address, _), asyncio.timeout(PATIENCE):
        with pytest.raises(DeadlineExceededError):
            await ask(address, timeout=0.2)
    with pytest.raises(ValueError, match="more than 0"):
        await ask("localhost:50051", timeout=0)


async def test_all_attempts_together_take_no_longer_than_one_may(ask: Ask) -> None:
    # Each breaks a little before its time is over.
    async with playing([started(), 0.5, grpc.StatusCode.UNAVAILABLE]) as (address, server):
        with pytest.raises(DeadlineExceededError):
            await ask(address, timeout=0.8)
    assert 1 <= len(server.requests) <= 2


async def test_what_is_for_this_machine_passes_no_proxy(
    ask: Ask, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://localhost:1")
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert await ask(address, timeout=PATIENCE)
