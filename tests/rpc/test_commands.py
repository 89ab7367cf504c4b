"""Shows the server's command line: what it does, and what it says when it cannot."""

import asyncio
import os
import sys
from pathlib import Path

import grpc
import pytest
from fhirexport._version import __version__
from fhirexport_server.demo.group import batches, total_rows
from fhirexport_server.settings import Settings
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.schema import METADATA
from fhirexport_server.store.schema_version import HEAD
from sqlalchemy import func, select, text
from support.command import run

TABLES = {batch.table for batch in batches(patients=1)}
PROGRAM = Path(sys.executable).with_name("fhirexport-server")


def _run(directory: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    settings = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in settings}
    status, out, errors = asyncio.run(run((PROGRAM, *arguments), directory, environment | variables))
    return status, out.decode(), errors


def _count_rows(url: str) -> int:
    engine = create(url)
    with engine.connect() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(METADATA.tables[name])).scalar_one()
            for name in TABLES
        ]
    engine.dispose()
    return sum(counts)


@pytest.mark.long
def test_demo_fills_an_empty_database_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/demo.db"
    assert _run(tmp_path, "demo", "--patients", "50", DATABASE_URL=url) == (0, "", "")
    assert _count_rows(url) == total_rows(patients=50)
    status, _, err = _run(tmp_path, "demo", "--patients", "50", DATABASE_URL=url)
    assert (status, len(err.splitlines())) == (1, 1)
    assert "is not empty" in err
    assert _count_rows(url) == total_rows(patients=50)


def test_settings_come_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///of-the-file.db\n")
    assert _run(tmp_path, "migrate")[0] == 0
    assert (tmp_path / "of-the-file.db").exists()


def test_wrong_settings_are_one_line_each(tmp_path: Path) -> None:
    status, out, err = _run(
        tmp_path,
        "serve",
        DATABASE_URL="mysql://export:CANARY@db/fhir",
        LISTEN_ADDRESS="0.0.0.0:50051",
        MAX_RENDERINGS="none",
    )
    assert (status, out) == (2, "")
    names = [line.partition(":")[0] for line in err.splitlines()]
    assert names == ["LISTEN_ADDRESS", "DATABASE_URL", "MAX_RENDERINGS"]
    assert "CANARY" not in err


def test_an_audit_trail_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    url = f"sqlite:///{tmp_path}/none.db"
    for directory in ("none/audit", "file", "file/audit"):
        options = {"DATABASE_URL": url, "METRICS_ADDRESS": "off", "LISTEN_ADDRESS": "127.0.0.1:0"}
        status, _, err = _run(tmp_path, "serve", AUDIT_DIRECTORY=directory, CACHE_ENABLED="false", **options)
        said = [line for line in err.splitlines() if not line.startswith("{")]
        assert status == 1
        assert len(said) == 1
        assert said[0].startswith(f"AUDIT_DIRECTORY {directory}: cannot be written: ")


def test_a_misspelt_setting_and_options_that_cannot_work_are_one_line_each(tmp_path: Path) -> None:
    """The field's case 30, among others."""
    url = "redis://:CANARY@127.0.0.1:6379/0?decode_responses=True"
    status, out, err = _run(tmp_path, "serve", REDIS_URL=url, CACHE_TLL="CANARY")
    misspelt, option = err.splitlines()
    assert (status, out) == (2, "")
    assert misspelt.startswith("CACHE_TLL: there is no such setting; CACHE_TTL is one")
    assert option.startswith("REDIS_URL: must not have the option decode_responses")
    assert "CANARY" not in err


def test_the_version_is_told(tmp_path: Path) -> None:
    status, out, errors = _run(tmp_path, "--version")
    assert (status, errors) == (0, "")
    facts = dict(line.split(" ", 1) for line in out.splitlines())
    assert out.startswith(f"fhirexport-server {__version__}\ncommit ")
    assert (facts["contract"], facts["schema"]) == ("fhirexport.v1", HEAD)
    assert facts["grpcio"] == grpc.__version__


def test_a_log_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    status, _, err = _run(tmp_path, "serve", LOG_FILE="not/there.log")
    assert (status, err) == (2, "LOG_FILE: must be a file that can be written\n")


@pytest.mark.parametrize("command", ["migrate", "demo"])
def test_a_database_that_cannot_be_reached_is_said_without_its_password(command: str, tmp_path: Path) -> None:
    status, _, err = _run(tmp_path, command, DATABASE_URL="postgresql://export:CANARY@127.0.0.1:9/fhir")
    assert (status, len(err.splitlines())) == (1, 1)
    assert "DATABASE_URL" in err
    assert "CANARY" not in err


def test_a_schema_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    assert _run(tmp_path, "migrate", DATABASE_URL=url)[0] == 0
    engine = create(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    status, _, err = _run(tmp_path, "migrate", DATABASE_URL=url)
    assert (status, len(err.splitlines())) == (1, 1)
    assert "9999" in err


def test_certificates_to_try_tls_with_are_made_once(tmp_path: Path) -> None:
    status, out, err = _run(tmp_path, "certificates", "demo", "tls", "--name", "export.test")
    assert (status, err) == (0, "")
    (tmp_path / ".env").write_text(out)
    files = [line.partition("=")[2] for line in out.splitlines()]
    assert all((tmp_path / file).stat().st_mode & 0o777 == 0o600 for file in files)
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    assert not list((tmp_path / "tls").glob("ca-key*"))
    status, out, err = _run(tmp_path, "certificates", "demo", "tls")
    assert (status, out, err) == (1, "", "tls has a ca.pem already: choose a new directory\n")


@pytest.mark.parametrize("arguments", [("--name", "é.test"), ("--client", "é.test")])
def test_a_name_that_no_certificate_can_have_is_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    status, _, err = _run(tmp_path, "certificates", "demo", "tls", *arguments)
    assert (status, len(err.splitlines())) == (1, 1)
    assert not (tmp_path / "tls").exists()


def test_a_certificate_that_cannot_be_used_is_one_line_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "server.pem").write_text("CANARY")
    (tmp_path / "key.pem").write_text("CANARY")
    status, _, err = _run(tmp_path, "serve", TLS_CERTIFICATE="server.pem", TLS_KEY="key.pem")
    assert (status, err.splitlines()[1:]) == (
        2,
        ["TLS_CERTIFICATE: has no certificates in PEM, or a damaged one"],
    )
    assert "CANARY" not in err
    status, _, err = _run(tmp_path, "serve", TLS_CERTIFICATE="none.pem", TLS_KEY="key.pem")
    assert (status, err.splitlines()[1:]) == (2, ["TLS_CERTIFICATE: cannot be read"])
