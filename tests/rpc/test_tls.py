"""Shows the TLS of the port: who gets in, with what, and how certificates are replaced under load."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ListLegalEntitiesRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.app import App, running
from fhirexport_server.certificates import kept_pair
from fhirexport_server.certificates.key_pair import CertificateError
from fhirexport_server.certificates.throwaway import Authority
from structlog.testing import capture_logs
from support.certificates import NAMES, Site
from support.command import FHIREXPORT, environment, run
from support.metrics import read
from support.server import PATIENCE, server_process, settings

ENTITIES = ListLegalEntitiesRequest()
REMAINING = "fhirexport_certificate_remaining_seconds"
DAY = 86_400


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_pair, "CHECK_SECONDS", 0.02)


@asynccontextmanager
async def _serving(url: str, site: Site, *, mutual: bool = True) -> AsyncIterator[App]:
    async with running(settings(url, metrics_address="127.0.0.1:0", **site.settings(mutual=mutual))) as app:
        yield app


async def _called(address: str, credentials: grpc.ChannelCredentials) -> grpc.StatusCode:
    """Calls once, on a connection of its own; returns how it ended."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        try:
            await ExportServiceStub(channel).ListLegalEntities(ENTITIES, timeout=PATIENCE)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


async def test_who_shows_a_certificate_of_the_authority_gets_in_and_nobody_else(
    small_url: str, site: Site
) -> None:
    async with _serving(small_url, site) as app:
        assert await _called(app.address, site.credentials()) == grpc.StatusCode.OK
        for others in (site.credentials(named=False), site.credentials(caller=Authority())):
            assert await _called(app.address, others) == grpc.StatusCode.UNAVAILABLE
        async with grpc.aio.insecure_channel(app.address) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ExportServiceStub(channel).ListLegalEntities(ENTITIES)
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_without_authorities_of_clients_nobody_is_asked_for_a_certificate(
    small_url: str, site: Site
) -> None:
    async with _serving(small_url, site, mutual=False) as app:
        assert await _called(app.address, site.credentials(named=False)) == grpc.StatusCode.OK
        stranger = grpc.ssl_channel_credentials(Authority().pem)
        assert await _called(app.address, stranger) == grpc.StatusCode.UNAVAILABLE


def _shaken(address: str, context: ssl.SSLContext) -> tuple[str, str]:
    """Returns the version and the suite that a server agrees to; none where it hangs up."""
    host, _, port = address.rpartition(":")
    try:
        with (
            socket.create_connection((host, int(port)), PATIENCE) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as encrypted,
        ):
            suite = encrypted.cipher()
            assert suite is not None
            return str(encrypted.version()), suite[0]
    except (ssl.SSLError, ConnectionError):
        return "", ""


def _context(site: Site, suites: str, *, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=site.ca)
    context.set_alpn_protocols(["h2"])
    context.set_ciphers(f"{suites}:@SECLEVEL=0")  # so that it is the server who refuses
    context.minimum_version, context.maximum_version = oldest, newest
    return context


TLS_1_1, TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
REFUSED = {
    "TLS 1.1": ("ALL", TLS_1_1, TLS_1_1),
    "CBC": ("ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA", TLS_1_2, TLS_1_2),
    "without forward secrecy": ("AES256-GCM-SHA384:AES128-GCM-SHA256", TLS_1_2, TLS_1_2),
    "without encryption": ("eNULL", TLS_1_2, TLS_1_2),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_versions_and_weak_suites_are_refused(small_url: str, site: Site) -> None:
    async with _serving(small_url, site, mutual=False) as app:
        for suites, oldest, newest in REFUSED.values():
            context = _context(site, suites, oldest=oldest, newest=newest)
            assert await asyncio.to_thread(_shaken, app.address, context) == ("", "")
        strong = _context(site, "ECDHE+AESGCM", oldest=TLS_1_2, newest=TLS_1_2)
        version, suite = await asyncio.to_thread(_shaken, app.address, strong)
        assert (version, suite.startswith("ECDHE-ECDSA-AES"), "GCM" in suite) == ("TLSv1.2", True, True)
        strongest = _context(site, "ALL", oldest=TLS_1_2, newest=TLS_1_3)
        version, _ = await asyncio.to_thread(_shaken, app.address, strongest)
        assert version == "TLSv1.3"


@pytest.mark.long
async def test_certificates_are_replaced_a_hundred_times_under_load_and_no_call_fails(
    small_url: str, site: Site
) -> None:
    async with _serving(small_url, site) as app:
        running_on, swapped = True, 0
        outcomes: dict[tuple[bool, grpc.StatusCode], int] = {}
        right, wrong = site.credentials(), site.credentials(caller=Authority())

        async def load(*, allowed: bool) -> None:
            while running_on:
                code = await _called(app.address, right if allowed else wrong)
                outcomes[allowed, code] = outcomes.get((allowed, code), 0) + 1

        loads = [asyncio.create_task(load(allowed=allowed)) for allowed in (True, True, True, False)]
        for _ in range(100):
            site.install(*site.authority.server(NAMES))
            await _until(app, "fhirexport_certificate_loads_total", swapped := swapped + 1, outcome="loaded")
        running_on = False
        await asyncio.gather(*loads)
    assert outcomes.keys() == {(True, grpc.StatusCode.OK), (False, grpc.StatusCode.UNAVAILABLE)}
    assert outcomes[True, grpc.StatusCode.OK] > 100


async def _until(app: App, name: str, expected: float, **labels: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await read(app.metrics_address)).value(name, **labels) != expected:
            await asyncio.sleep(0.01)


async def test_another_authority_of_clients_counts_from_the_next_connection_on(
    small_url: str, site: Site
) -> None:
    other = Authority()
    async with _serving(small_url, site) as app:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.secure_channel(app.address, site.credentials(), options) as channel:
            stub = ExportServiceStub(channel)
            await stub.ListLegalEntities(ENTITIES)
            site.ca.write_bytes(other.pem)
            await _until(app, "fhirexport_certificate_loads_total", 1, outcome="loaded")
            await stub.ListLegalEntities(ENTITIES)
        assert await _called(app.address, site.credentials()) == grpc.StatusCode.UNAVAILABLE
        assert await _called(app.address, site.credentials(caller=other)) == grpc.StatusCode.OK


async def test_a_bad_pair_is_told_by_the_metrics_and_calls_go_on(small_url: str, site: Site) -> None:
    async with _serving(small_url, site) as app:
        page = await read(app.metrics_address)
        assert 29 * DAY < page.value(REMAINING, file="certificate") < 30 * DAY
        assert 29 * DAY < page.value(REMAINING, file="client_ca") < 30 * DAY
        assert page.value(REMAINING, file="metrics_ca") == float("inf")
        site.key.write_text("nothing")
        await _until(app, "fhirexport_certificate_refused", 1)
        await _until(app, "fhirexport_certificate_loads_total", 1, outcome="refused")
        assert await _called(app.address, site.credentials()) == grpc.StatusCode.OK
        site.install(*site.authority.server(NAMES))
        await _until(app, "fhirexport_certificate_refused", 0)
        assert await _called(app.address, site.credentials()) == grpc.StatusCode.OK


async def test_a_server_does_not_start_with_a_bad_pair(small_url: str, site: Site) -> None:
    site.key.write_text("nothing")
    with pytest.raises(CertificateError, match="TLS_KEY: has no private key"):
        async with _serving(small_url, site):
            pass


# The server cannot know that nobody else reaches this one; in truth only this machine does.
ELSEWHERE = "127.1:0"


@pytest.mark.parametrize(("metrics", "said"), [(ELSEWHERE, "METRICS_ADDRESS"), ("127.0.0.1:0", None)])
async def test_what_is_open_to_others_is_said_in_the_log_and_in_the_metrics(
    small_url: str, metrics: str, said: str | None
) -> None:
    with capture_logs() as logs:
        async with running(settings(small_url, insecure=True, metrics_address=metrics)) as app:
            page = await read(app.metrics_address)
    assert page.value("fhirexport_insecure") == (said is not None)
    lines = {line["event"]: line for line in logs}
    assert (lines["listening"]["insecure"], lines["listening"]["tls"]) == (said, False)
    assert [lines["insecure"]["reachable"]] == [said] if said else "insecure" not in lines


async def test_what_asks_for_certificates_is_not_open(small_url: str, site: Site) -> None:
    secured = site.settings(mutual=False) | {"metrics_client_ca": site.ca}
    with capture_logs() as logs:
        async with running(settings(small_url, metrics_address=ELSEWHERE, **secured)):
            pass
    lines = {line["event"]: line for line in logs}
    assert (lines["listening"]["insecure"], lines["listening"]["tls"]) == (None, True)
    assert "insecure" not in lines


@pytest.mark.long
async def test_what_the_page_says_for_the_first_five_minutes_works(small_url: str, tmp_path: Path) -> None:
    server_command = FHIREXPORT.with_name("fhirexport-server")
    made = (server_command, "certificates", "demo", "tls")
    status, out, _ = await run(made, tmp_path, environment("nowhere:1"))
    assert status == 0
    (tmp_path / ".env").write_bytes(out)
    variables = dict(line.split("=", 1) for line in out.decode().splitlines())
    async with server_process(tmp_path, small_url, serving=False) as server:
        with_certificate = environment(server.address) | variables
        status, out, errors = await run(
            (FHIREXPORT, "--tls", "entities", "--json"), tmp_path, with_certificate
        )
        assert (status, errors) == (0, "")
        assert b"ej_id" in out
        status, out, _ = await run((FHIREXPORT, "--tls", "doctor", "--json"), tmp_path, with_certificate)
        found = {one["check"]: one["level"] for one in json.loads(out)["findings"]}
        assert (found["encryption"], found["exports"]) == ("ok", "ok")
        del with_certificate["FHIREXPORT_CERT"], with_certificate["FHIREXPORT_KEY"]
        status, out, errors = await run((FHIREXPORT, "--tls", "entities"), tmp_path, with_certificate)
        assert (status != 0, out, "--cert and --key" in errors) == (True, b"", True)
