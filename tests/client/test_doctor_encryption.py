"""Shows what `fhirexport doctor` finds where one side speaks TLS and the other not, or is not trusted."""

import asyncio
from collections.abc import Callable

import pytest
from client.examining import encrypted, examined, last
from fhirexport._internal.channels import Server
from fhirexport.cli.diagnosis import checks
from support.server import running_server, wait_for_health


@pytest.fixture
def url(new_group: Callable[[str, int], str]) -> str:
    return new_group("sqlite", 40)


async def test_a_server_that_wants_tls_where_we_speak_plaintext_is_a_problem() -> None:
    async with encrypted() as address:
        found = await examined(address)
    assert last(found)[:2] == ("encryption", "problem")
    assert "the server speaks TLS, and this client speaks plaintext" in found[-1].message


async def test_a_server_without_tls_where_we_speak_tls_is_a_problem(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhirexport._internal.channels.is_local", lambda _target: False)
    async with running_server(url) as address:
        found = await examined(address)
    assert last(found)[:2] == ("encryption", "problem")
    assert "the server speaks plaintext" in found[-1].message
    assert "ssh -L 50051:" in found[-1].advice


async def test_a_certificate_that_is_not_trusted_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhirexport._internal.channels.is_local", lambda _target: False)
    async with encrypted() as address:
        found = await examined(address)
    assert [one.level for one in found] == ["ok", "ok", "ok", "problem"]
    assert "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" in found[-1].advice


async def test_plaintext_to_another_machine_is_a_warning(url: str) -> None:
    async with running_server(url) as address:
        await wait_for_health(address)
        # In truth it is this one, by an address that a client does not take for it.
        elsewhere = address.replace("127.0.0.1", "[::ffff:127.0.0.1]")
        found = await asyncio.to_thread(lambda: list(checks.reach(Server(elsewhere, tls=False))))
    (encryption,) = [one for one in found if one.check == "encryption"]
    assert encryption.level == "warning"
    assert "TLS_CERTIFICATE" in encryption.advice
