"""Shows what `fhirexport doctor` finds for callers who may do little by the server's policy, or nothing."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from client.examining import levels
from fhirexport import TLS
from fhirexport._internal.channels import Server
from fhirexport.cli.diagnosis import checks
from fhirexport.cli.diagnosis.findings import Finding
from fhirexport_server.app import running
from fhirexport_server.settings import Settings
from support.callers import Guarded
from support.certificates import Site
from support.server import settings


async def _found(url: str, directory: Path, rights: Iterable[str]) -> list[Finding]:
    """Examine a server as a caller with these rights does."""
    guarded = Guarded(Site(directory), {"doctor": rights})
    certificate, key = guarded.site.authority.client("doctor.test")
    async with guarded.running(url) as app:
        tls = TLS(guarded.site.authority.pem, certificate_chain=certificate, private_key=key)
        return await asyncio.to_thread(lambda: list(checks.examine(Server(app.address, tls))))


@pytest.fixture
def url(new_group: Callable[[str, int], str]) -> str:
    return new_group("sqlite", 20)


async def test_a_right_that_is_missing_is_a_warning_that_names_it(url: str, tmp_path: Path) -> None:
    found = await _found(url, tmp_path, ["export:structure:*", "export:venues:ej:id:2"])
    assert levels(found)["exports"] == levels(found)["Redis"] == "warning"
    missing = {one.message: one.advice for one in found if one.check in {"exports", "Redis"}}
    assert set(missing) == {
        "you have no right to the patients of EJ 1",
        "you have no right to the venues of EJ 1",
        "the structure of EJ 1 can be read",
        "you have no right to see how the cache does",
    }
    assert "export:patients:" in missing["you have no right to the patients of EJ 1"]
    assert "cache:read" in missing["you have no right to see how the cache does"]
    assert levels(found)["clock"] == "ok"


async def test_who_may_only_look_after_the_cache_is_told_so(url: str, tmp_path: Path) -> None:
    found = await _found(url, tmp_path, ["cache:read"])
    (exports,) = [one for one in found if one.check == "exports"]
    assert (exports.level, exports.message) == ("warning", "you have no right to export anything")
    assert "docs/security.md" in exports.advice


async def test_an_audit_trail_that_cannot_be_written_is_a_problem_that_hides_the_others(
    url: str, tmp_path: Path
) -> None:
    trail = tmp_path / "audit"
    async with running(settings(url, audit_directory=str(trail))) as app:
        trail.rename(tmp_path / "away")
        found = await asyncio.to_thread(lambda: list(checks.examine(app.address)))
        (tmp_path / "away").rename(trail)
    assert (found[-1].check, found[-1].level) == ("audit", "problem")
    assert "AUDIT_DIRECTORY" in found[-1].advice


async def test_no_audit_trail_where_other_machines_are_served_is_a_warning(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "lacks_audit", True)  # this test reaches no other machine
    async with running(settings(url)) as app:
        found = await asyncio.to_thread(lambda: list(checks.examine(app.address)))
    (audit,) = [one for one in found if one.check == "audit"]
    assert (audit.level, audit.advice) == ("warning", "set AUDIT_DIRECTORY")
    assert audit.message == "other machines reach this server, and no audit trail is kept"
