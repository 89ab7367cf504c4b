"""Shows that a setting may be a file of the directory that systemd, or a container, hands secrets over in."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fhirexport_server.settings import Settings
from fhirexport_server.wrong_settings import misspelt
from support.command import run

pytestmark = pytest.mark.usefixtures("nowhere")
URL = "postgresql://fhirexport:CANARY@db.example.org/fhirexport"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    directory = tmp_path / "credentials"
    directory.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(directory))
    return directory


@pytest.mark.parametrize("name", ["DATABASE_URL", "database_url"])
def test_a_file_named_like_a_setting_is_its_value(name: str, credentials: Path) -> None:
    (credentials / name).write_text(f"{URL}\n")
    (credentials / "server-key.pem").write_text("of no setting")
    assert Settings().database_url.get_secret_value() == URL
    assert misspelt() == []
    assert "CANARY" not in str(Settings().public())


def test_kubernetes_mounts_files_through_links(credentials: Path) -> None:
    (credentials / "..2026").mkdir()
    (credentials / "..2026/DATABASE_URL").write_text(URL)
    (credentials / "..data").symlink_to("..2026")
    (credentials / "DATABASE_URL").symlink_to("..data/DATABASE_URL")
    assert Settings().database_url.get_secret_value() == URL


def test_it_wins_over_the_file_env_and_the_environment_over_it(
    credentials: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("MAX_RENDERINGS=7\nDRAIN_GRACE=7\nDRAIN_DELAY=7\n")
    (credentials / "MAX_RENDERINGS").write_text("8")
    (credentials / "DRAIN_GRACE").write_text("8")
    monkeypatch.setenv("DRAIN_GRACE", "9")
    settings = Settings()
    assert (settings.drain_delay, settings.max_renderings, settings.drain_grace) == (7, 8, 9)


def test_a_misspelt_one_is_found_out(credentials: Path) -> None:
    (credentials / "DATABASE_URI").write_text(URL)
    (line,) = misspelt()
    assert line.startswith("DATABASE_URI: there is no such setting; DATABASE_URL is one.")
    assert "CANARY" not in line


def _nothing(directory: Path) -> None:
    directory.rmdir()


def _file(directory: Path) -> None:
    directory.rmdir()
    directory.touch()


@pytest.mark.parametrize("change", [_nothing, _file])
def test_one_that_is_not_there_is_told(
    change: Callable[[Path], None], credentials: Path, tmp_path: Path
) -> None:
    change(credentials)
    command = (Path(sys.executable).with_name("fhirexport-server"), "migrate")
    told = b"", "CREDENTIALS_DIRECTORY: must be a directory that can be read\n"
    assert asyncio.run(run(command, tmp_path, os.environ)) == (2, *told)
