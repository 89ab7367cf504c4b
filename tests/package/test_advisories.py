"""Shows that the audit of dependencies finds what is affected, and fails where it can say nothing."""

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from package import advisories as audit
from packaging.version import Version

TODAY = date(2026, 11, 27)
LOCK = "".join(f"package-{number}==1.{number} \\\n    --hash=sha256:00\n" for number in range(30))
RANGES = [{"type": "ECOSYSTEM", "events": [{"introduced": "1.5"}, {"fixed": "1.7"}, {"introduced": "3"}]}]
ADVISORY: dict[str, Any] = {
    "id": "TEST-1",
    "aliases": ["TEST-2"],
    "summary": "A test",
    "affected": [{"package": {"ecosystem": "PyPI", "name": "Package_6"}, "ranges": RANGES}],
    "references": [{"type": "ADVISORY", "url": "https://example.org"}],
}


def listed(*advisories: dict[str, Any], checked: str = "2026-11-27") -> str:
    return json.dumps({"checked": checked, "advisories": advisories})


@pytest.mark.parametrize(
    ("version", "hit"),
    [("1.4", False), ("1.5rc1", False), ("1.5", True), ("1.6.9", True), ("1.7", False), ("3.0", True)],
)
def test_what_is_in_a_range_is_found(version: str, *, hit: bool) -> None:
    known = audit.advisories(listed(ADVISORY), TODAY)
    found = audit.affected({"package-6": Version(version), "other": Version(version)}, known)
    assert len(found) == hit
    assert all("TEST-1, TEST-2" in one for one in found)


def test_a_lock_is_read_whole() -> None:
    assert audit.locked(LOCK)["package-6"] == Version("1.6")
    assert len(audit.affected(audit.locked(LOCK), audit.advisories(listed(ADVISORY), TODAY))) == 1


@pytest.mark.parametrize("text", ["", LOCK[:200], LOCK.replace("1.7 ", "one ")])
def test_a_lock_that_is_none_is_no_clean_bill(text: str) -> None:
    with pytest.raises(audit.AuditError):
        audit.locked(text)


WRONG = {
    "nothing": "",
    "no JSON": "{",
    "no advisories": listed(),
    "no date": json.dumps({"advisories": [ADVISORY]}),
    "an old date": listed(ADVISORY, checked=str(TODAY - timedelta(days=audit.MOST_DAYS + 1))),
    "a date to come": listed(ADVISORY, checked=str(TODAY + timedelta(days=1))),
    "no id": listed(ADVISORY | {"id": ""}),
    "no source": listed(ADVISORY | {"references": []}),
    "no package": listed(ADVISORY | {"affected": []}),
    "another event": listed(json.loads(json.dumps(ADVISORY).replace("fixed", "last_affected"))),
    "another ecosystem": listed(json.loads(json.dumps(ADVISORY).replace("PyPI", "npm"))),
    "a version that is none": listed(json.loads(json.dumps(ADVISORY).replace('"1.7"', '"x"'))),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_list_that_says_nothing_is_no_clean_bill(text: str) -> None:
    with pytest.raises(audit.AuditError):
        audit.advisories(text, TODAY)


@pytest.mark.parametrize("missing", ["LIST", "LOCK"])
def test_without_a_file_it_fails(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, missing, tmp_path / "none")
    assert audit.main() == 2


def test_ours_has_sources_and_each_advisory_once() -> None:
    document = json.loads(audit.LIST.read_text())
    ids = [name for one in document["advisories"] for name in (one["id"], *one["aliases"])]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"(CVE|PYSEC)-\d{4}-\d+|GHSA(-[2-9c-x]{4}){3}", name) for name in ids)
    versions = audit.locked(audit.LOCK.read_text())
    known = audit.advisories(audit.LIST.read_text(), date.fromisoformat(document["checked"]))
    names = {each["package"]["name"] for one in known for each in one["affected"]}
    assert names <= versions.keys()
    assert audit.affected(versions, known) == []
