"""Shows for every method, over TLS: who gets in, and what those are told who do not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from fhirexport.v1 import cache_admin_pb2, export_service_pb2, import_service_pb2
from fhirexport_server.app import running
from structlog.testing import capture_logs
from support.certificates import Site
from support.metrics import read
from support.server import PATIENCE, settings
from support.status import refused
from support.tokens import Issuer

METHODS = [
    f"/{service.full_name}/{method.name}"
    for file in (export_service_pb2, cache_admin_pb2, import_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
MISSING, INVALID = "CREDENTIALS_MISSING", "CREDENTIALS_INVALID"


@dataclass(frozen=True)
class Case:
    """What a call shows, and what it is told."""

    headers: Callable[[Issuer], list[str]]
    reason: str
    problem: str = ""


def _bearer(make: Callable[[Issuer], str]) -> Callable[[Issuer], list[str]]:
    return lambda issuer: [f"Bearer {make(issuer)}"]


CASES = {
    "no credential": Case(lambda _: [], MISSING),
    "malformed": Case(_bearer(lambda _: "let me in"), INVALID, "malformed"),
    "another scheme": Case(lambda _: ["Basic dXNlcjpwYXNz"], INVALID, "malformed"),
    "a token without its scheme": Case(lambda issuer: [issuer.token()], INVALID, "malformed"),
    "two tokens": Case(lambda issuer: [f"Bearer {issuer.token()}"] * 2, INVALID, "malformed"),
    "expired": Case(_bearer(lambda issuer: issuer.token(exp=timedelta(seconds=-60))), INVALID, "expired"),
    "not yet valid": Case(
        _bearer(lambda issuer: issuer.token(nbf=timedelta(seconds=3600))), INVALID, "not_yet_valid"
    ),
    "wrong issuer": Case(_bearer(lambda issuer: issuer.token(iss="https://x.test")), INVALID, "wrong_issuer"),
    "wrong audience": Case(
        _bearer(lambda issuer: issuer.token(aud="https://x.test")), INVALID, "wrong_audience"
    ),
    "no expiry": Case(_bearer(lambda issuer: issuer.token(exp=None)), INVALID, "claims"),
    "alg none": Case(_bearer(Issuer.unsigned), INVALID, "algorithm"),
    "HS256 with the public key": Case(_bearer(Issuer.confused), INVALID, "algorithm"),
    "unknown kid": Case(_bearer(lambda issuer: issuer.token(key="other")), INVALID, "unknown_key"),
    "tampered": Case(_bearer(Issuer.tampered), INVALID, "signature"),
    "right": Case(_bearer(Issuer.token), ""),
    "right, in lower case": Case(lambda issuer: [f"bearer {issuer.token()}"], ""),
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


async def _outcome(channel: grpc.aio.Channel, method: str, headers: list[str]) -> tuple[str, str, str]:
    """Calls a method with an empty message; returns the code, the reason and the problem that it is told."""

    async def messages() -> AsyncIterator[bytes]:
        yield b""

    metadata = [("authorization", value) for value in headers]
    raw: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
    call = raw(messages(), metadata=metadata, timeout=PATIENCE)
    try:
        async for _ in call:
            call.cancel()  # a watch would last
            break
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return error.code().name, "", ""
        told = refused(error)
        assert "eyJ" not in told.message
        return told.code, told.reason, told.metadata.get("problem", "")
    return "OK", "", ""


@asynccontextmanager
async def _secured(url: str, site: Site, **more: object) -> AsyncIterator[tuple[str, grpc.aio.Channel]]:
    """Runs a server with TLS; yields the address of its metrics, and a channel without a certificate."""
    secured = settings(url, metrics_address="127.0.0.1:0", **(site.settings(mutual=False) | more))
    async with (
        running(secured) as app,
        grpc.aio.secure_channel(app.address, site.credentials(named=False)) as channel,
    ):
        yield str(app.metrics_address), channel


@pytest.mark.parametrize("name", CASES)
async def test_every_method_asks_who_calls(small_url: str, site: Site, issuer: Issuer, name: str) -> None:
    case = CASES[name]
    headers = case.headers(issuer)
    with capture_logs() as logs:
        async with _secured(small_url, site, **issuer.settings()) as (metrics, channel):
            outcomes = await asyncio.gather(*(_outcome(channel, method, headers) for method in METHODS))
            page = await read(metrics)
    assert len(METHODS) >= 14
    lines = [line for line in logs if line["event"] == "call"]
    assert {line["rpc"] for line in lines} == {method.removeprefix("/") for method in METHODS}
    assert [value for value in headers if value[7:] in str(logs)] == []
    if not case.reason:
        assert [reason for _, reason, _ in outcomes if reason in {MISSING, INVALID}] == []
        assert {line["identity"] for line in lines} == {"jwt:https://issuer.test#laboratory"}
        return
    assert dict(zip(METHODS, outcomes, strict=True)) == dict.fromkeys(
        METHODS, ("UNAUTHENTICATED", case.reason, case.problem)
    )
    assert [line for line in lines if "identity" in line] == []
    assert page.value("fhirexport_refusals_total", reason=case.reason) == len(METHODS)
    if case.problem:
        counted = page.value("fhirexport_credentials_refused_total", problem=case.problem)
        assert counted == len(METHODS)


HEALTH = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"]
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


async def test_health_is_open_to_all_and_reflection_to_none(
    small_url: str, site: Site, issuer: Issuer
) -> None:
    async with _secured(small_url, site, **issuer.settings()) as (_, channel):
        for method in HEALTH:
            for headers in ([], ["Bearer nonsense"]):
                assert await _outcome(channel, method, headers) == ("OK", "", "")
        assert (await _outcome(channel, REFLECTION, [f"Bearer {issuer.token()}"]))[0] == "UNIMPLEMENTED"


async def test_reflection_that_is_asked_for_is_for_those_who_are_known(
    small_url: str, site: Site, issuer: Issuer
) -> None:
    async with _secured(small_url, site, reflection=True, **issuer.settings()) as (_, channel):
        assert (await _outcome(channel, REFLECTION, []))[:2] == ("UNAUTHENTICATED", MISSING)
        assert await _outcome(channel, REFLECTION, [f"Bearer {issuer.token()}"]) == ("OK", "", "")


async def test_a_certificate_is_who_shows_it(small_url: str, site: Site, issuer: Issuer) -> None:
    with capture_logs() as logs:
        async with (
            running(settings(small_url, **site.settings(), **issuer.settings())) as app,
            grpc.aio.secure_channel(app.address, site.credentials()) as channel,
        ):
            for headers in ([], [f"Bearer {issuer.token()}"]):
                assert (await _outcome(channel, METHODS[0], headers))[1] not in {MISSING, INVALID}
            # A token that is bad is not made good by the certificate of a proxy.
            assert (await _outcome(channel, METHODS[0], ["Bearer x.y.z"]))[1:] == (INVALID, "malformed")
    known = [line.get("identity") for line in logs if line["event"] == "call"]
    certificate = "certificate:CN=fhirexport demo authority#client.test"
    assert known == [certificate, "jwt:https://issuer.test#laboratory", None]


async def test_a_bearer_token_is_no_proof_where_only_certificates_are(small_url: str, site: Site) -> None:
    with capture_logs() as logs:
        async with (
            running(settings(small_url, **site.settings())) as app,
            grpc.aio.secure_channel(app.address, site.credentials()) as channel,
        ):
            await _outcome(channel, METHODS[0], ["Bearer whatever"])
    (line,) = [line for line in logs if line["event"] == "call"]
    assert line["identity"] == "certificate:CN=fhirexport demo authority#client.test"


async def test_a_request_of_nobody_is_not_read(small_url: str, site: Site, issuer: Issuer) -> None:
    """Refused while its request is still to come: nobody waits for it."""
    async with _secured(small_url, site, **issuer.settings()) as (_, channel):
        raw: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(METHODS[0])
        call = raw(timeout=PATIENCE)
        assert await call.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_of_single_use_is_good_for_one_call(small_url: str, site: Site, issuer: Issuer) -> None:
    async with _secured(small_url, site, **issuer.settings(jwt_single_use=True)) as (_, channel):
        token = [f"Bearer {issuer.token(jti='one')}"]
        first = await _outcome(channel, METHODS[0], token)
        assert first[1] not in {MISSING, INVALID}
        assert await _outcome(channel, METHODS[0], token) == ("UNAUTHENTICATED", INVALID, "replayed")
