"""Shows how the metrics are served: where, for how long, what else is there, and what is refused."""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import BadStatusLine, HTTPSConnection
from pathlib import Path

import pytest
from fhirexport._version import __version__
from fhirexport_server.app import running
from fhirexport_server.certificates.kept_pair import KeptPair
from fhirexport_server.certificates.key_pair import CertificateFile
from fhirexport_server.certificates.throwaway import Authority
from fhirexport_server.certificates.tls_context import MetricsContext
from fhirexport_server.settings import Settings
from fhirexport_server.telemetry.metrics_page import MetricsAddressError, metrics_page
from fhirexport_server.wrong_settings import problems
from prometheus_client import CollectorRegistry, Counter
from pydantic import ValidationError
from structlog.testing import capture_logs
from support.certificates import NAMES, Site
from support.metrics import ask, read
from support.server import PATIENCE, server_process, settings

PROGRAM = Path(sys.executable).with_name("fhirexport-server")
FREE = "127.0.0.1:0"


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("shown_total", "What is shown.", registry=registry).inc(3)
    return registry


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_the_metrics_are_at_their_path_and_nothing_else_is_anywhere(registry: CollectorRegistry) -> None:
    with metrics_page(registry, FREE) as address:
        for path in ("/metrics", "/metrics?name[]=none"):
            answer = ask(address, path)
            assert (answer.status, answer.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
            assert (
                answer.text
                == "# HELP shown_total What is shown.\n# TYPE shown_total counter\nshown_total 3.0\n"
            )
        for path in ("/", "/metrics/", "/favicon.ico", "/metricsx"):
            assert ask(address, path).status == 404
        for method in ("POST", "PUT", "DELETE", "HEAD"):
            assert ask(address, method=method).status == 501


def test_a_reader_gets_the_format_that_it_prefers(registry: CollectorRegistry) -> None:
    with metrics_page(registry, FREE) as address:
        answer = ask(address, Accept="application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
    assert answer.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("shown_total 3.0\n# EOF\n")


def test_the_address_is_free_again_at_the_end(registry: CollectorRegistry) -> None:
    with metrics_page(registry, FREE) as address:
        assert ask(address).status == 200
    with pytest.raises(ConnectionRefusedError):
        ask(address)
    with metrics_page(registry, address) as again:
        assert again == address
        assert ask(address).status == 200


def test_ipv6_is_served_too(registry: CollectorRegistry) -> None:
    with metrics_page(registry, "[::1]:0") as address:
        assert address.startswith("[::1]:")
        assert ask(address).status == 200


def test_a_reader_that_says_nothing_holds_nobody_up(registry: CollectorRegistry) -> None:
    with metrics_page(registry, FREE) as address:
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port))), socket.create_connection((host, int(port))):
            assert ask(address).status == 200


def test_a_reader_that_leaves_is_no_event(registry: CollectorRegistry) -> None:
    with capture_logs() as lines, metrics_page(registry, FREE) as address:
        host, _, port = address.rpartition(":")
        for _ in range(3):
            with socket.create_connection((host, int(port))) as leaving:
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                leaving.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert ask(address).status == 200
    assert lines == []


def test_an_address_of_another_machine_is_told(registry: CollectorRegistry) -> None:
    with pytest.raises(MetricsAddressError), metrics_page(registry, "192.0.2.1:0"):
        raise AssertionError


def test_an_address_that_is_taken_is_told(taken: str, registry: CollectorRegistry) -> None:
    with pytest.raises(MetricsAddressError), metrics_page(registry, taken):
        raise AssertionError


async def test_the_page_lives_as_long_as_the_server(small_url: str) -> None:
    async with running(settings(small_url, metrics_address=FREE)) as app:
        page = await read(app.metrics_address)
        address = str(app.metrics_address)
    assert page.counted("fhirexport_build_info", "version") == {(__version__,): 1}
    with pytest.raises(ConnectionRefusedError):
        ask(address)


async def test_without_an_address_there_is_no_page(small_url: str) -> None:
    async with running(settings(small_url, metrics_address="off")) as app:
        assert app.metrics_address is None


@pytest.mark.long
async def test_the_program_says_where_its_metrics_are(small_url: str, tmp_path: Path) -> None:
    async with server_process(tmp_path, small_url, METRICS_ADDRESS=FREE) as server:
        lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
        address = next(line["metrics"] for line in lines if line["event"] == "listening")
        page = await read(address)
        assert page.value("fhirexport_serving", grpc_service="fhirexport.v1.ExportService") == 1
        assert await server.stopped() == 0
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(ask, address)


@pytest.mark.long
def test_the_program_ends_where_the_address_is_taken(taken: str, tmp_path: Path) -> None:
    variables = {"LISTEN_ADDRESS": FREE, "METRICS_ADDRESS": taken, "REDIS_URL": "unix:///nowhere/redis.sock"}
    done = subprocess.run(
        [PROGRAM, "serve"],
        cwd=tmp_path,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert (done.returncode, done.stdout) == (1, "")
    assert told == [
        "cannot listen on METRICS_ADDRESS: it is taken, not of this machine, or not permitted",
    ]


@pytest.mark.parametrize("address", ["127.0.0.1:9464", "[::1]:0", "localhost:9464", "off"])
def test_an_address_of_this_machine_is_accepted(address: str) -> None:
    assert settings("sqlite:///x.db", metrics_address=address).metrics_address == address


@pytest.mark.parametrize(
    "address", ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "metrics.example.org:9464"]
)
def test_an_address_that_others_can_reach_needs_to_be_wanted(address: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings("sqlite:///x.db", metrics_address=address)
    assert [line.partition(":")[0] for line in problems(caught.value)] == ["METRICS_ADDRESS"]
    assert "INSECURE=true" in problems(caught.value)[0]
    wanted = settings("sqlite:///x.db", metrics_address=address, insecure=True)
    assert wanted.metrics_address == address


@pytest.mark.parametrize("address", ["", "9464", ":9464", "127.0.0.1", "unix:/run/metrics.sock", "OFF?"])
def test_what_is_no_address_is_told_with_an_example(address: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings("sqlite:///x.db", metrics_address=address)
    assert problems(caught.value) == [
        "METRICS_ADDRESS: must be host:port, such as 127.0.0.1:9464 or [::1]:9464, or off"
    ]


def test_a_variable_that_is_set_to_nothing_is_not_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METRICS_ADDRESS", "")
    assert Settings().metrics_address == "127.0.0.1:9464"


def _secured(site: Site) -> MetricsContext:
    paths = {
        CertificateFile.CERTIFICATE: site.certificate,
        CertificateFile.KEY: site.key,
        CertificateFile.METRICS_CA: site.ca,
    }
    return MetricsContext(KeptPair(paths, lambda _: None))


def _read_encrypted(address: str, context: ssl.SSLContext) -> int:
    host, _, port = address.rpartition(":")
    with closing(HTTPSConnection(host, int(port), timeout=PATIENCE, context=context)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().status


def test_over_tls_who_shows_a_certificate_may_read_and_nobody_else(
    registry: CollectorRegistry, tmp_path: Path
) -> None:
    site = Site(tmp_path)
    with capture_logs() as logs, metrics_page(registry, FREE, _secured(site)) as address:
        assert _read_encrypted(address, site.client_context()) == 200
        # With TLS 1.3 a client hears what the server thinks of it after it has asked.
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _read_encrypted(address, site.client_context(named=False))
        with pytest.raises((BadStatusLine, ConnectionError)):
            ask(address)
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=PATIENCE):
            # Somebody who says nothing keeps nobody waiting.
            assert _read_encrypted(address, site.client_context()) == 200
    assert logs == []


def test_over_tls_the_page_follows_the_certificate(registry: CollectorRegistry, tmp_path: Path) -> None:
    site, other = Site(tmp_path), Authority()
    paths = {
        CertificateFile.CERTIFICATE: site.certificate,
        CertificateFile.KEY: site.key,
        CertificateFile.METRICS_CA: site.ca,
    }
    kept = KeptPair(paths, lambda _: None)
    with metrics_page(registry, FREE, MetricsContext(kept)) as address:
        before = site.client_context()
        assert _read_encrypted(address, before) == 200
        site.authority = other
        site.ca.write_bytes(other.pem)
        site.install(*other.server(NAMES))
        kept.check()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _read_encrypted(address, before)
        assert _read_encrypted(address, site.client_context()) == 200


async def test_a_servers_metrics_are_served_with_its_certificate(small_url: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    chosen = settings(
        small_url, metrics_address=FREE, metrics_client_ca=site.ca, **site.settings(mutual=False)
    )
    async with running(chosen) as app:
        address = str(app.metrics_address)
        assert await asyncio.to_thread(_read_encrypted, address, site.client_context()) == 200
        with pytest.raises((BadStatusLine, ConnectionError)):
            await asyncio.to_thread(ask, address)
