"""Shows how clients and the command send a token, renew it, and find out what is wrong with it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from fhirexport import TLS, AsyncClient, Client, UnauthorizedError
from fhirexport._internal.calls import Token
from fhirexport.cli.connecting import TokenFile
from fhirexport_server.app import running
from support.certificates import Site
from support.command import FHIREXPORT, environment, run
from support.server import server_process, settings
from support.tokens import Issuer

Ask = Callable[[str, TLS, Token | None], Awaitable[int]]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


@asynccontextmanager
async def _serving(url: str, site: Site, **more: object) -> AsyncIterator[tuple[str, TLS]]:
    async with running(settings(url, **(site.settings(mutual=False) | more))) as app:
        yield app.address, TLS.from_files(ca=site.ca)


async def _sync(address: str, tls: TLS, token: Token | None) -> int:
    def ask() -> int:
        with Client(address, tls=tls, token=token) as client:
            assert list(client.structure(1))
            return len(list(client.entities()))

    return await asyncio.to_thread(ask)


async def _asynchronous(address: str, tls: TLS, token: Token | None) -> int:
    async with AsyncClient(address, tls=tls, token=token) as client:
        assert [one async for one in client.structure(1)]
        return len([one async for one in client.entities()])


@pytest.fixture(params=[_sync, _asynchronous], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    way: Ask = request.param
    return way


async def test_both_clients_send_a_token_and_have_it_renewed(
    ask: Ask, small_url: str, site: Site, issuer: Issuer
) -> None:
    asked = 0

    def renewed() -> str:
        nonlocal asked
        asked += 1
        return issuer.token(jti=f"{asked}")

    async with _serving(small_url, site, **issuer.settings()) as (address, tls):
        assert await ask(address, tls, issuer.token()) > 0
        with pytest.raises(UnauthorizedError) as refused:
            await ask(address, tls, None)
        assert refused.value.reason == "CREDENTIALS_MISSING"
        with pytest.raises(UnauthorizedError) as refused:
            await ask(address, tls, issuer.token(exp=timedelta(hours=-1)))
        assert (refused.value.reason, refused.value.metadata["problem"]) == ("CREDENTIALS_INVALID", "expired")
    async with _serving(small_url, site, **issuer.settings(jwt_single_use=True)) as (address, tls):
        assert await ask(address, tls, renewed) > 0
    assert asked >= 2


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_token_is_not_sent_for_others_to_read_not_even_asked_for(kind: type[Client | AsyncClient]) -> None:
    def asked() -> str:
        raise AssertionError

    for token in ("s3cr3t", asked):
        with pytest.raises(ValueError, match="without TLS") as refused:
            kind("export.example:50051", tls=False, token=token)
        assert "s3cr3t" not in str(refused.value)
        assert "s3cr3t" not in repr(refused.traceback[-1].frame.f_locals.get("self", ""))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("token", ["", "s3cr3t\n", "s3cr3t and more", "s3cr3té"])
def test_what_is_no_token_is_refused_without_quoting_it(kind: type[Client | AsyncClient], token: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as refused:
        kind("localhost:50051", token=token)
    assert "s3cr3t" not in str(refused.value)


def test_a_token_is_given_once() -> None:
    token = str(1)
    with (
        Client("localhost:1", token=token, metadata={"Authorization": "Bearer two"}) as client,
        pytest.raises(ValueError, match="not both"),
    ):
        client.health()


def test_the_file_of_a_token_is_read_each_time_and_what_it_held_stays(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    token = TokenFile(path)
    assert token() == "first"
    path.write_text("second")
    assert token() == "second"
    path.write_text("two tokens")
    assert token() == "second"
    path.unlink()
    assert token() == "second"
    with pytest.raises(FileNotFoundError):
        TokenFile(path)


@pytest.mark.long
@pytest.mark.parametrize(
    ("changed", "told", "advice"),
    [
        ({"exp": timedelta(hours=-1)}, "has expired", "renewed"),
        ({"aud": "https://other.test"}, "another audience", "JWT_AUDIENCE"),
        ({"iss": "https://other.test"}, "another issuer", "JWT_ISSUER"),
        ({"nbf": timedelta(hours=1)}, "not valid yet", "NTP"),
        (None, "asks who calls", "--token-file"),
    ],
    ids=["expired", "audience", "issuer", "clock", "missing"],
)
async def test_doctor_says_what_is_wrong_with_a_token(
    small_url: str, tmp_path: Path, changed: dict[str, object] | None, told: str, advice: str
) -> None:
    site, issuer = Site(tmp_path), Issuer(tmp_path)
    options: list[str | Path] = ["--tls", "--ca", site.ca]
    if changed is not None:
        token = tmp_path / "token"
        token.write_text(issuer.token(**changed))  # type: ignore[arg-type]  # claims, none of the named ones
        options += ["--token-file", token]
    async with _serving(small_url, site, **issuer.settings()) as (address, _):
        command = (FHIREXPORT, *options, "doctor", "--json")
        status, out, _ = await run(command, tmp_path, environment(address))
    found = json.loads(out)["findings"]
    assert (status, found[-1]["check"], found[-1]["level"]) == (1, "identity", "problem")
    assert told in found[-1]["message"]
    assert advice in found[-1]["advice"]
    assert b"eyJ" not in out


@pytest.mark.long
async def test_what_the_page_says_of_tokens_for_the_first_five_minutes_works(
    small_url: str, tmp_path: Path
) -> None:
    server_command = FHIREXPORT.with_name("fhirexport-server")
    nothing = environment("nowhere:1")
    _, made, _ = await run((server_command, "certificates", "demo", "tls"), tmp_path, nothing)
    add = (server_command, "tokens", "add", "laboratory", "--file", "tokens.toml")
    status, token, errors = await run(add, tmp_path, nothing)
    assert (status, errors) == (0, "")
    (tmp_path / "laboratory.token").write_bytes(token)
    kept = [line for line in made.decode().splitlines() if line.startswith(("TLS_CERT", "TLS_KEY"))]
    (tmp_path / ".env").write_text("\n".join([*kept, "TOKENS_FILE=tokens.toml"]))
    variables = {"FHIREXPORT_CA": "tls/ca.pem", "FHIREXPORT_TOKEN_FILE": "laboratory.token"}
    async with server_process(tmp_path, small_url, serving=False) as server:
        known = environment(server.address) | variables
        status, out, errors = await run((FHIREXPORT, "--tls", "entities", "--json"), tmp_path, known)
        assert (status, errors) == (0, "")
        assert b"ej_id" in out
        del known["FHIREXPORT_TOKEN_FILE"]
        status, out, errors = await run((FHIREXPORT, "--tls", "entities"), tmp_path, known)
        assert (status, out, "CREDENTIALS_MISSING" in errors) == (64 + 16, b"", True)
        assert token.decode().strip() not in server.log()
    status, _, errors = await run(add, tmp_path, nothing)
    assert (status, "already" in errors) == (1, True)
