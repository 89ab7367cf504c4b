"""Shows how a pair is replaced while the server runs, and that a bad one replaces nothing."""

from pathlib import Path

import pytest
from fhirexport_server.certificates.kept_pair import KeptPair
from fhirexport_server.certificates.key_pair import CertificateFile
from structlog.testing import capture_logs
from support.certificates import NAMES, Site

DAY = 86_400


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def _kept(site: Site, noted: list[str]) -> KeptPair:
    paths = {CertificateFile.CERTIFICATE: site.certificate, CertificateFile.KEY: site.key}
    return KeptPair(paths, noted.append)


def test_files_that_stay_as_they_are_are_no_news(site: Site) -> None:
    noted: list[str] = []
    kept = _kept(site, noted)
    before = kept.current
    for _ in range(3):
        kept.check()
    assert (kept.current is before, noted, kept.refusing) == (True, [], False)
    assert 29 * DAY < kept.seconds_left(CertificateFile.CERTIFICATE) < 30 * DAY
    assert kept.seconds_left(CertificateFile.CLIENT_CA) == float("inf")


def test_a_new_pair_replaces_the_old_one_at_once(site: Site) -> None:
    noted: list[str] = []
    kept = _kept(site, noted)
    site.install(*site.authority.server(NAMES, days=7))
    kept.check()
    assert kept.current.certificate_chain == site.certificate.read_bytes()
    assert 6 * DAY < kept.seconds_left(CertificateFile.CERTIFICATE) < 7 * DAY
    assert noted == ["loaded"]


def test_half_of_a_change_is_waited_for(site: Site) -> None:
    noted: list[str] = []
    kept = _kept(site, noted)
    certificate, key = site.authority.server(NAMES)
    with capture_logs() as logs:
        site.certificate.write_bytes(certificate)
        kept.check()
        site.key.write_bytes(key)
        kept.check()
    assert kept.current.private_key == key
    assert (noted, [line["event"] for line in logs]) == (["loaded"], ["certificate_loaded"])


def test_a_bad_pair_is_told_once_and_the_old_one_stays(site: Site) -> None:
    noted: list[str] = []
    kept = _kept(site, noted)
    before = kept.current
    with capture_logs() as logs:
        site.key.write_bytes(site.authority.server(NAMES)[1])
        for _ in range(5):
            kept.check()
        assert (noted, kept.refusing, kept.current is before) == (["refused"], True, True)
        site.key.unlink()
        for _ in range(5):
            kept.check()
        assert (noted, kept.refusing, kept.current is before) == (["refused"] * 2, True, True)
    assert [(line["event"], str(line["file"]), line["problem"]) for line in logs] == [
        ("certificate_refused", "TLS_KEY", "is not the key of TLS_CERTIFICATE"),
        ("certificate_refused", "TLS_KEY", "cannot be read"),
    ]
    site.install(before.certificate_chain, before.private_key)
    kept.check()
    assert (kept.refusing, kept.current is before) == (False, True)
    site.install(*site.authority.server(NAMES))
    kept.check()
    assert (kept.refusing, kept.current is before, noted[-1]) == (False, False, "loaded")
