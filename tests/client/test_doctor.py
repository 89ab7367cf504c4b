"""Shows what `fhirexport doctor` finds, on servers that are in order and on all that are not."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import psycopg
import pytest
from client.examining import answering, examined, last, levels
from fhirexport.cli.diagnosis import checks, findings
from fhirexport.cli.diagnosis.reaching import Place, place
from support import patient
from support.command import fhirexport
from support.server import NO_REDIS, PATIENCE, running_server, wait_for_health
from support.valkey import Valkey


@pytest.fixture
def url(new_group: Callable[[str, int], str]) -> str:
    return new_group("sqlite", 40)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with other work is no problem of the server's."""
    for module, name in patient.BOUNDS:
        monkeypatch.setattr(module, name, PATIENCE)


async def test_a_server_in_order_is_ok_and_the_exit_status_0(url: str, own_valkey: Valkey) -> None:
    own_valkey.configure("maxmemory", "100mb")
    own_valkey.configure("maxmemory-policy", "volatile-lfu")
    async with running_server(url, redis_url=own_valkey.url) as address:
        await wait_for_health(address)
        await wait_for_health(address, service="fhirexport.cache")
        status, out, errors = await fhirexport("localhost:1", "doctor", "--address", address, "--json")
        told = json.loads(out)
        assert (status, errors, told["address"], told["level"]) == (0, "", address, "ok")
        assert [(one["check"], one["level"]) for one in told["findings"]] == [
            ("address", "ok"),
            ("connection", "ok"),
            ("encryption", "ok"),
            *[("health", "ok")] * 4,
            ("Redis", "ok"),
            ("database", "ok"),
            ("exports", "ok"),
            ("clock", "ok"),
        ]
        status, out, errors = await fhirexport(address, "doctor")
        assert (status, errors, "problem" in out.decode()) == (0, "", False)


async def test_without_redis_there_are_warnings_each_with_what_to_do(url: str) -> None:
    async with running_server(url, redis_url=NO_REDIS) as address:
        await wait_for_health(address)
        found = await examined(address)
    assert levels(found) == {
        "address": "ok", "connection": "ok", "encryption": "ok", "health": "warning",
        "Redis": "warning", "database": "ok", "exports": "ok", "clock": "ok",
    }  # fmt: skip
    assert all(bool(one.advice) == (one.level != "ok") for one in found)


async def test_redis_s_own_warnings_are_split_into_what_is_and_what_to_do(url: str, valkey: Valkey) -> None:
    async with running_server(url, redis_url=valkey.url) as address:
        await wait_for_health(address)
        found = [one for one in await examined(address) if one.check == "Redis" and one.level != "ok"]
    assert [one.message for one in found] == [
        "maxmemory is not set: Redis may take all the memory of its machine"
    ]
    assert "volatile-lfu" in found[0].advice


async def test_a_cache_that_is_switched_off_is_in_order(url: str) -> None:
    async with running_server(url, cache_enabled=False) as address:
        await wait_for_health(address)
        assert set(levels(await examined(address)).values()) == {"ok"}


async def test_without_its_database_it_is_a_problem_that_says_what_to_run(tmp_path: Path) -> None:
    async with running_server(f"sqlite:///{tmp_path}/none.db") as address:
        await wait_for_health(address, serving=False)
        found = await examined(address)
        status, out, _ = await fhirexport(address, "doctor")
    assert last(found)[:2] == ("database", "problem")
    assert "fhirexport-server migrate" in found[-1].advice
    assert levels(found)["health"] == "problem"
    assert (status, b"fhirexport-server migrate" in out) == (1, True)


ALTERED = {
    "ALTER TABLE patient DISABLE TRIGGER USER": "trigger patient_revision_insert is not ENABLE ALWAYS",
    "ALTER TABLE venue ENABLE TRIGGER venue_tombstone": "trigger venue_tombstone is not ENABLE ALWAYS",
    "ALTER TABLE venue ENABLE TRIGGER venue_revision_replicated": (
        "trigger venue_revision_replicated is not ENABLE REPLICA"
    ),
    "DROP TRIGGER patient_revision_update ON patient": "trigger patient_revision_update is not there",
    "CREATE TABLE archived () INHERITS (movement)": "table movement has a parent, a child or a partition",
    "ALTER TABLE patient_contact SET UNLOGGED": "table patient_contact is UNLOGGED",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE); INSERT INTO"
    " pg_subscription_rel SELECT oid, 'revision_delta'::regclass, 'r', '0/1' FROM pg_subscription": (
        "a subscription writes to table revision_delta"
    ),
    "ALTER TABLE patient RENAME TO people; CREATE VIEW patient AS SELECT * FROM people": (
        "patient is not a table of its own"
    ),
}


@pytest.mark.long
async def test_a_database_that_was_altered_is_a_problem_with_its_name(
    new_group: Callable[[str, int], str],
) -> None:
    await asyncio.gather(*(_altered(new_group("postgresql", 10), *one) for one in ALTERED.items()))


async def _altered(url: str, alter: str, told: str) -> None:
    """Alter the database of a server, and examine that."""
    async with running_server(url) as address:
        await wait_for_health(address)
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute(alter.encode())
        try:
            await wait_for_health(address, serving=False)
            found = (await examined(address))[-1]
        finally:
            if "SUBSCRIPTION" in alter:
                with closing(psycopg.connect(url, autocommit=True)) as connection:
                    connection.execute("DELETE FROM pg_subscription_rel; DROP SUBSCRIPTION s")
    assert (found.check, found.level) == ("exports", "problem")
    assert told in found.message
    assert "CHANGES_UNTRACKED" in found.message
    assert found.advice == "docs/never-stale.md, 'When the database is altered'"


@pytest.mark.long
async def test_damaged_files_and_missing_rights_are_told_by_their_cause(
    new_group: Callable[[str, int], str], tmp_path: Path
) -> None:
    file = tmp_path / "damaged.db"
    file.write_bytes(b"no database at all, but as long as some pages of one are " * 200)
    async with running_server(f"sqlite:///{file}") as address:
        await wait_for_health(address, serving=False)
        found = (await examined(address))[-1]
        assert "DATABASE_CORRUPT" in found.message
        assert found.advice == "docs/operations.md, 'Restoring a backup'"
    url = new_group("postgresql", 10)
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("CREATE ROLE half_blind LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO half_blind")
        connection.execute("REVOKE SELECT ON venue FROM half_blind")
        try:
            async with running_server(url.replace("postgres@", "half_blind@")) as address:
                await wait_for_health(address, serving=False)
                found = (await examined(address))[-1]
                assert "may not read table venue" in found.message
                assert found.advice == "grant the server's user the rights of docs/configuration.md"
        finally:
            connection.execute("DROP OWNED BY half_blind")
            connection.execute("DROP ROLE half_blind")


async def test_a_database_without_an_ej_is_a_warning(new_database: Callable[[str], str]) -> None:
    async with running_server(new_database("sqlite")) as address:
        await wait_for_health(address)
        assert last(await examined(address))[:2] == ("database", "warning")


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_off_is_a_warning(url: str, hours: int) -> None:
    def now() -> datetime:
        return datetime.now(UTC) + timedelta(hours=hours)

    async with running_server(url) as address:
        await wait_for_health(address)
        found = await asyncio.to_thread(lambda: list(checks.examine(address, now)))
    assert last(found)[:2] == ("clock", "warning")
    assert ("behind" if hours > 0 else "ahead of") in found[-1].message
    assert "3,600 s" in found[-1].message or "3,599 s" in found[-1].message


# --- addresses that lead nowhere ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "check", "told"),
    [
        ("localhost", "address", "is no address"),
        ("localhost:http", "address", "is no address"),
        ("ipv4:127.0.0.1:9,127.0.0.1:10", "address", "is several servers"),
        ("no-such-host.invalid:50051", "address", "has no address"),
        (f"{'a' * 70}.invalid:50051", "address", "has no address"),
        ("localhost:1", "connection", "accepts no connection: Connection refused"),
        ("unix:/nowhere/fhirexport.sock", "connection", "No such file or directory"),
    ],
)
async def test_an_address_that_leads_nowhere_says_why(target: str, check: str, told: str) -> None:
    found = await examined(target)
    assert last(found)[:2] == (check, "problem")
    assert told in found[-1].message
    assert found[-1].advice
    status, _, errors = await fhirexport(target, "doctor")
    assert (status, errors) == (1, "")


def test_targets_are_read_as_grpc_reads_them() -> None:
    assert place("export.example:50051") == Place("export.example", 50051)
    assert place("dns:///export.example:50051") == Place("export.example", 50051)
    assert place("[::1]:50051") == Place("::1", 50051)
    assert place("ipv6:[::1]:50051") == Place("::1", 50051)
    assert place("unix:relative.sock") == Place("", 0, "relative.sock")
    assert place("unix:/run/f.sock") == place("unix:///run/f.sock") == Place("", 0, "/run/f.sock")


async def test_a_unix_socket_is_examined_too(url: str, tmp_path: Path) -> None:
    async with running_server(url, listen_address=f"unix:{tmp_path}/f.sock") as address:
        await wait_for_health(address)
        assert "problem" not in levels(await examined(address)).values()


# --- others that answer in its place --------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 is spoken there"),
        (b"-ERR unknown command\r\n", "something else is spoken there"),
        (b"", "something else is spoken there"),
        (None, "nothing is answered"),
    ],
)
async def test_what_is_no_grpc_server_is_told_so(
    answer: bytes | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "SOCKET_SECONDS", 0.5)
    async with answering(answer) as address:
        found = await examined(address)
    assert last(found)[:2] == ("encryption", "problem")
    assert told in found[-1].message


async def test_a_grpc_server_that_is_not_ours_is_told_so() -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    found = await examined(f"127.0.0.1:{port}")
    await server.stop(None)
    assert last(found)[:2] == ("gRPC", "problem")
    assert "no health service" in found[-1].advice


async def test_a_check_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "SECONDS", 0.2)
    over = asyncio.Event()

    def hang(*_: object, **__: object) -> None:
        asyncio.run(asyncio.wait_for(over.wait(), 1))

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    found = await examined("localhost:50051")
    assert last(found) == ("address", "problem", "localhost has no address: no answer within 0.2 s")
