"""Shows that the command reaches a server wherever it is, and says what to check where it does not."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest
from support.command import environment, fhirexport
from support.scripted import playing
from support.server import running_server, wait_for_health
from support.tls import CA, CERT, FOLDER, KEY, OTHER_CA, behind_tls


@pytest.fixture
async def address(new_group: Callable[[str, int], str]) -> AsyncIterator[str]:
    url = new_group("sqlite", 20)
    async with running_server(url) as address:
        await wait_for_health(address)
        yield address


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("s3cr3t\n")
    return path


@pytest.mark.long
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


@pytest.mark.long
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
