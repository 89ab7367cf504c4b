"""Shows that a server is reached wherever it is, and that what is sent to it is for nobody else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from fhirexport import TLS, AsyncClient, Client, DeadlineExceededError, LegalEntity, UnavailableError
from fhirexport._internal.tls import system_certificates
from support.command import environment, fhirexport
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


async def test_both_clients_reach_a_server_behind_tls(ask: Ask, address: str) -> None:
    expected = await ask(address)
    async with behind_tls(address) as encrypted:
        port = encrypted.rpartition(":")[2]
        for target, options in (
            (encrypted, {"tls": TLS.from_files(CA)}),
            (encrypted, {"root_certificates": CA.read_bytes()}),
            (f"127.0.0.1:{port}", {"tls": TLS.from_files(CA, server_name="export.test")}),
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


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("s3cr3t\n")
    return path


async def test_options_count_before_and_after_the_command_and_as_variables(
    address: str, token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await fhirexport(address, "entities")
    async with behind_tls(address, mutual=True) as encrypted:
        secure = {"ca": CA, "cert": CERT, "key": KEY, "server-name": "export.test", "token-file": token}
        options = [str(part) for name, value in secure.items() for part in (f"--{name}", value)]
        options += ["--address", encrypted]
        for arguments in (
            [*options, "entities"],
            ["entities", *options],
            [*options[:4], "entities", *options[4:]],
            # The nearest to the command's own counts.
            ["--address", "localhost:1", "--ca", str(OTHER_CA), "entities", *options],
        ):
            assert await fhirexport("localhost:2", *arguments) == expected
        health = await fhirexport(address, "cache", "health")
        assert await fhirexport("localhost:2", "cache", *options, "health") == (*health[:1], health[1], "")
        monkeypatch.setattr("support.command.environment", lambda _: environment(encrypted) | {
            f"FHIREXPORT_{name.upper().replace('-', '_')}": str(value) for name, value in secure.items()
        })  # fmt: skip
        assert await fhirexport(encrypted, "entities") == expected
        assert await fhirexport(encrypted, "cache", "entries", "--address", address, "--tls") != expected


async def test_a_token_is_sent_and_never_printed(token: Path, tmp_path: Path) -> None:
    async with playing([grpc.StatusCode.UNAUTHENTICATED]) as (address, server):
        status, out, errors = await fhirexport(
            address, "patients", "1", "--token-file", token, "-o", tmp_path / "x"
        )
    assert (status, out) == (64 + 16, b"")
    assert server.metadata[0]["authorization"] == "Bearer s3cr3t"
    assert "s3cr3t" not in errors
    refused = await fhirexport("export.example:50051", "--plaintext", "entities", "--token-file", token)
    assert (refused[0], refused[1], refused[2].count("\n")) == (2, b"", 1)
    assert "without TLS" in refused[2]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--address", "host:99999"], "host:99999: a port is a number from 1 to 65535"),
        (["--address", "host:0"], "a port is a number"),
        (["--address", ""], "the address is empty"),
        (["--address", "host"], "host: give host:port"),
        (["--address", "::1:50051"], "[ipv6]:port"),
        (["--address", "https://host:443"], "without http://"),
        (["--ca", "/nowhere/ca.pem"], "No such file or directory: /nowhere/ca.pem"),
        (["--ca", str(KEY)], "has no certificates in PEM"),
        (["--cert", str(CERT)], "--cert and --key go together"),
        (["--cert", str(CERT), "--key", str(FOLDER / "server-key.pem")], "no certificate and its key"),
        (["--plaintext", "--ca", str(CA)], "--plaintext and --ca contradict each other"),
        (["--token-file", str(CA)], "ca.pem: must hold one token"),
        (["--token-file", "/dev/null"], "must hold one token"),
        (["--timeout", "0"], "more than 0"),
    ],
)
async def test_options_that_make_no_sense_are_refused_in_one_line(options: list[str], told: str) -> None:
    for arguments in ([*options, "entities"], ["cache", "stats", *options]):
        status, out, errors = await fhirexport("localhost:1", *arguments)
        assert (status, out, errors.count("\n")) == (2, b"", 1)
        assert errors.startswith("fhirexport: ")
        assert told in errors


async def _unreached(address: str, *options: str | Path) -> str:
    status, out, errors = await fhirexport(address, "entities", *options)
    assert (status, out) == (64 + 14, b"")
    line, advice, doctor = errors.splitlines()
    assert line.startswith(f"fhirexport: {address} is not reached: ")
    assert line.endswith(" (UNAVAILABLE)")
    assert doctor == "  fhirexport doctor, with the same options, says more"
    return f"{line}\n{advice}"


async def test_an_error_of_connecting_says_what_to_check(address: str) -> None:
    assert "no address" in await _unreached("no-such-host.invalid:50051", "--plaintext")
    assert "start the server" in await _unreached("localhost:1")
    plain = await _unreached(address, "--tls")
    assert "the server speaks plaintext" in plain
    assert "--plaintext" in plain
    async with behind_tls(address) as encrypted:
        told = await _unreached(encrypted)
        assert "the server speaks TLS, and this client speaks plaintext to its own machine" in told
        assert "--ca" in told
        told = await _unreached(encrypted, "--ca", OTHER_CA)
        assert "certificate is not trusted" in told
        assert "--ca" in told
        told = await _unreached(encrypted, "--ca", CA, "--server-name", "other.test")
        assert "for another name" in told
        assert "--server-name" in told
    async with behind_tls(address, mutual=True) as encrypted:
        told = await _unreached(encrypted, "--ca", CA)
        assert "wants a certificate" in told
        assert "--cert and --key" in told


async def test_doctor_goes_the_same_way(address: str, token: Path) -> None:
    async with behind_tls(address, mutual=True) as encrypted:
        options = ("--ca", CA, "--cert", CERT, "--key", KEY, "--token-file", token, "--address", encrypted)
        status, out, errors = await fhirexport("localhost:1", "doctor", *options)
        assert (status, errors, b"problem" in out) == (0, "", False)
        assert b"TLS, on both sides" in out
        status, out, errors = await fhirexport(encrypted, "doctor", "--ca", CA)
        assert (status, errors, b"wants a certificate" in out) == (1, "", True)
