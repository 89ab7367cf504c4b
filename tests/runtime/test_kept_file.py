"""Shows how a file is replaced while the server runs, and that a bad one replaces nothing."""

import asyncio
from pathlib import Path

import pytest
from fhirexport_server.runtime.reading.kept_content import LoadOutcome
from fhirexport_server.runtime.reading.kept_file import KeptFile, KeptFileError
from structlog.testing import capture_logs


def _parsed(content: bytes) -> str:
    if content.startswith(b"bad"):
        raise ValueError("is bad")
    return content.decode()


def _kept(path: Path, noted: list[LoadOutcome]) -> KeptFile[str]:
    return KeptFile(path, "TOKENS_FILE", _parsed, largest=100, noted=noted.append)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("first")
    return path


async def test_a_file_that_stays_as_it_is_is_no_news(path: Path) -> None:
    noted: list[LoadOutcome] = []
    kept = _kept(path, noted)
    for _ in range(3):
        kept.check()
    assert (kept.current, noted, kept.refusing) == ("first", [], False)


async def test_a_good_file_counts_at_once(path: Path) -> None:
    noted: list[LoadOutcome] = []
    kept = _kept(path, noted)
    path.write_text("second")
    with capture_logs() as logs:
        kept.check()
    assert (kept.current, noted) == ("second", ["loaded"])
    assert [(line["event"], line["setting"]) for line in logs] == [("identities_loaded", "TOKENS_FILE")]


@pytest.mark.parametrize("content", ["bad CANARY", "x" * 101, None], ids=["bad", "large", "gone"])
async def test_a_bad_file_is_told_once_and_the_former_one_stays(path: Path, content: str | None) -> None:
    noted: list[LoadOutcome] = []
    kept = _kept(path, noted)
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with capture_logs() as logs:
        for _ in range(4):
            kept.check()
    assert (kept.current, noted, kept.refusing) == ("first", ["refused"], True)
    (line,) = logs
    assert (line["event"], "CANARY" in str(line)) == ("identities_refused", False)
    path.write_text("second")
    kept.check()
    assert (kept.current, noted, kept.refusing) == ("second", ["refused", "loaded"], False)


async def test_what_is_put_back_is_good_again(path: Path) -> None:
    noted: list[LoadOutcome] = []
    kept = _kept(path, noted)
    path.write_text("bad")
    kept.check()
    kept.check()
    path.write_text("first")
    kept.check()
    assert (kept.current, kept.refusing) == ("first", False)


@pytest.mark.parametrize(
    ("content", "told"), [("bad", "is bad"), (None, "cannot be read"), ("x" * 101, "larger")]
)
async def test_a_server_does_not_start_with_a_bad_file(path: Path, content: str | None, told: str) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(KeptFileError, match=f"^TOKENS_FILE: .*{told}"):
        _kept(path, [])


async def test_it_is_read_for_ever_and_for_who_asks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhirexport_server.runtime.reading.kept_file.CHECK_SECONDS", 0.01)
    kept = _kept(path, [])
    path.write_text("second")
    await asyncio.gather(*(kept.refreshed() for _ in range(100)))
    assert kept.current == "second"
    running = asyncio.create_task(kept.run())
    path.write_text("third")
    while kept.current != "third":
        await asyncio.sleep(0.01)
    running.cancel()
