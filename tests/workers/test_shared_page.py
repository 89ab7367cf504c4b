"""Shows that the page of all workers is closed as that of one process is, and is there before they are."""

import asyncio
import ssl
from contextlib import closing
from http.client import BadStatusLine, HTTPSConnection
from pathlib import Path

import pytest
from fhirexport_server.access_settings import OFF
from fhirexport_server.telemetry.metrics_page import MetricsAddressError
from fhirexport_server.workers.shared_page import shared_page
from fhirexport_server.workers.staff import Staff
from support.certificates import Site
from support.metrics import ask, read
from support.server import PATIENCE, settings

SQLITE = "sqlite:///x.db"
FREE = "127.0.0.1:0"


def _nobody() -> Staff:
    return Staff(2, "127.0.0.1:9", grace=0.0)


def _asked(address: str, context: ssl.SSLContext) -> str:
    host, _, port = address.rpartition(":")
    with closing(HTTPSConnection(host, int(port), timeout=PATIENCE, context=context)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


async def test_over_tls_who_shows_a_certificate_may_read_and_nobody_else(tmp_path: Path) -> None:
    site = Site(tmp_path)
    given = settings(
        SQLITE,
        workers=2,
        metrics_address=FREE,
        metrics_client_ca=site.ca,
        tls_certificate=site.certificate,
        tls_key=site.key,
    )
    async with shared_page(given, _nobody()) as address:
        assert address is not None
        text = await asyncio.to_thread(_asked, address, site.client_context())
        assert "fhirexport_workers 0.0\nfhirexport_workers_wanted 2.0" in "\n".join(
            sorted(line for line in text.splitlines() if line.startswith("fhirexport_workers"))
        )
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(_asked, address, site.client_context(named=False))
        with pytest.raises((BadStatusLine, ConnectionError)):
            await asyncio.to_thread(ask, address)


async def test_the_parent_counts_as_one_of_the_processes() -> None:
    async with shared_page(settings(SQLITE, workers=2, metrics_address=FREE), _nobody()) as address:
        page = await read(address)
    assert page.value("process_resident_memory_bytes") > 1024 * 1024
    assert page.value("process_start_time_seconds") > 0


async def test_no_page_where_none_is_wanted_and_no_address_that_is_taken() -> None:
    async with shared_page(settings(SQLITE, workers=2, metrics_address=OFF), _nobody()) as none:
        assert none is None
    async with shared_page(settings(SQLITE, workers=2, metrics_address=FREE), _nobody()) as address:
        with pytest.raises(MetricsAddressError):
            async with shared_page(settings(SQLITE, workers=2, metrics_address=address), _nobody()):
                pass
