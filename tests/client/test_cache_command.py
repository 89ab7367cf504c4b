"""Shows `fhirexport cache` as people and scripts use it: against a real server and a real Valkey."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from support.command import FHIREXPORT, environment, fhirexport, on_a_terminal, run
from support.rows import writing
from support.scripted import playing
from support.server import NO_REDIS, PATIENCE, running_server, wait_for_health
from support.valkey import Valkey

NDJSON = "fhir:export:venues:ej:1:v:ndjson"


@pytest.fixture
def url(new_group: Callable[[str, int], str]) -> str:
    return new_group("sqlite", 40)


@pytest.fixture
async def address(url: str, valkey: Valkey) -> AsyncIterator[str]:
    async with running_server(url, redis_url=valkey.url) as address:
        await wait_for_health(address)
        yield address


async def _kept(valkey: Valkey, *keys: str) -> None:
    """Waits until renderings are kept: they are published after the answer."""
    with valkey.client() as client:
        async with asyncio.timeout(PATIENCE):
            while client.exists(*keys) != len(keys):
                await asyncio.sleep(0.01)


async def test_warm_tells_each_and_stats_count_them(address: str, valkey: Valkey) -> None:
    status, out, errors = await fhirexport(address, "cache", "warm", "010780054", "--dataset", "venues")
    assert (status, errors) == (0, "")
    assert out.decode().startswith("venues of EJ 1: rendered in ")
    await _kept(valkey, "fhir:export:venues:ej:1")
    status, out, _ = await fhirexport(address, "cache", "warm", "1", "--dataset", "venues", "--json")
    (line,) = map(json.loads, out.splitlines())
    assert (status, line["elapsed"], line["error"]) == (0, None, None)
    assert (line["done_count"], line["total_count"], line["entry"]["key"]) == (
        1,
        1,
        "fhir:export:venues:ej:1",
    )
    status, out, _ = await fhirexport(address, "cache", "stats", "--json")
    found = json.loads(out)
    assert (status, found["keyspace_hits"], found["keyspace_misses"], found["hit_rate"]) == (0, 1, 1, 50.0)
    assert found["datasets"][2]["entry_count"] == 1
    status, out, _ = await fhirexport(address, "cache", "stats")
    assert (status, "50.0 %: 1 hits, 1 misses" in out.decode()) == (0, True)


async def test_what_was_warmed_is_told_as_it_is_kept(address: str, valkey: Valkey) -> None:
    status, out, errors = await fhirexport(address, "cache", "warm", "--json")
    entries = [json.loads(line)["entry"] for line in out.splitlines()]
    assert (status, errors, len(entries)) == (0, "", 9)
    with valkey.client() as client:
        for entry in entries:
            assert entry["key"] == f"fhir:export:{entry['dataset']}:ej:{entry['ej_id']}"
            assert client.exists(entry["key"])
            assert entry["size_bytes"] > 0
            assert entry["ttl"] > 0


async def test_one_that_cannot_be_warmed_is_the_exit_status_and_the_others_are_warmed(address: str) -> None:
    status, out, errors = await fhirexport(address, "cache", "warm", "99", "1", "--dataset", "structure")
    lines = out.decode().splitlines()
    assert (status, errors, len(lines)) == (64 + 5, "", 2)
    assert lines[0].startswith("structure of EJ 99: failed: there is no legal entity")
    assert lines[1].startswith("structure of EJ 1: rendered in ")
    status, out, _ = await fhirexport(address, "cache", "warm", "99", "--dataset", "structure", "--json")
    assert (status, json.loads(out)["error"]["reason"]) == (64 + 5, "EJ_NOT_FOUND")


async def test_warming_shows_a_bar_on_a_terminal(address: str) -> None:
    async with on_a_terminal(address, "cache", "warm", "1") as terminal:
        await terminal.until("structure of EJ 1")
        await terminal.until("3/3")
        assert await terminal.ended() == 0


async def test_keys_are_shown_as_they_are(address: str, valkey: Valkey) -> None:
    # rich takes `:v:` for an emoji.
    await fhirexport(address, "venues", "1", "--format", "ndjson")
    await _kept(valkey, NDJSON)
    status, out, _ = await fhirexport(address, "cache", "entries")
    assert (status, NDJSON in out.decode()) == (0, True)
    status, out, _ = await fhirexport(address, "cache", "entries", "fhir:export:*:ej:1", "--json")
    (entry,) = map(json.loads, out.splitlines())
    assert (status, entry["key"], entry["dataset"], entry["ej_id"]) == (0, NDJSON, "venues", 1)
    assert 0 < entry["ttl"] <= 300
    assert await fhirexport(address, "cache", "entries", "fhir:export:patients:*", "--json") == (0, b"", "")
    would = await fhirexport(address, "cache", "invalidate", "fhir:export:venues:*", "--dry-run")
    assert would == (0, f"1 match, and would be deleted:\n  {NDJSON}\n".encode(), "")


async def test_invalidating_deletes_and_writes_down_why(address: str, url: str, valkey: Valkey) -> None:
    await fhirexport(address, "cache", "warm", "1", "2")
    await _kept(valkey, "fhir:export:venues:ej:1", "fhir:export:venues:ej:2")
    done = await fhirexport(
        address, "cache", "invalidate", "fhir:export:venues:*", "--reason", "codes corrected"
    )
    assert done == (0, b"2 match; 2 deleted\n", "")
    status, out, _ = await fhirexport(address, "cache", "invalidate", "fhir:export:venues:*", "--json")
    assert (status, json.loads(out)) == (
        0,
        {"matched_count": 0, "deleted_count": 0, "sample_keys": [], "deletion_pending": False},
    )
    with writing(url) as connection:
        rows = connection.execute(text("SELECT scope, reason FROM cache_audit ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [
        ("fhir:export:venues:*", "codes corrected"),
        ("fhir:export:venues:*", ""),
    ]


async def test_flushing_asks_and_does_nothing_without_a_yes(address: str, valkey: Valkey) -> None:
    await fhirexport(address, "cache", "warm", "1", "--dataset", "venues")
    await _kept(valkey, "fhir:export:venues:ej:1")
    status, out, errors = await fhirexport(address, "cache", "flush")
    assert (status, out, "--yes" in errors) == (2, b"", True)
    async with on_a_terminal(address, "cache", "flush") as terminal:
        await terminal.until("[y/N]:")
        terminal.type("n\n")
        assert await terminal.ended() == 1
    await _kept(valkey, "fhir:export:venues:ej:1")
    async with on_a_terminal(address, "cache", "flush") as terminal:
        await terminal.until("[y/N]:")
        terminal.type("y\n")
        assert await terminal.ended() == 0
        assert "1 deleted" in terminal.shown
    status, out, _ = await fhirexport(
        address, "cache", "flush", "--yes", "--json", "--reason", "after the move"
    )
    assert (status, json.loads(out)) == (0, {"deleted_count": 0, "deletion_pending": False})


async def test_health_is_an_exit_status(address: str, url: str) -> None:
    status, out, _ = await fhirexport(address, "cache", "health")
    assert (status, "healthy" in out.decode(), "maxmemory is not set" in out.decode()) == (0, True, True)
    async with running_server(url, redis_url=NO_REDIS) as without:
        status, out, _ = await fhirexport(without, "cache", "health", "--json")
        assert (status, json.loads(out)["state"]) == (1, "degraded")
        status, out, errors = await fhirexport(without, "cache", "entries")
        assert (status, out, "CACHE_UNAVAILABLE" in errors) == (64 + 14, b"", True)
        status, out, _ = await fhirexport(without, "cache", "stats")
        assert (status, "does not answer" in out.decode(), "│       ? │" in out.decode()) == (0, True, True)
        status, out, _ = await fhirexport(without, "cache", "stats", "--json")
        assert (json.loads(out)["total_commands"], json.loads(out)["keyspace_hits"]) == (None, 0)
        status, out, _ = await fhirexport(without, "cache", "invalidate", "fhir:export:*")
        assert (status, "deleted later" in out.decode()) == (0, True)
    async with running_server(url, cache_enabled=False) as switched_off:
        status, out, _ = await fhirexport(switched_off, "cache", "health", "--json")
        assert (status, json.loads(out)["state"]) == (0, "disabled")
        status, out, _ = await fhirexport(switched_off, "cache", "stats")
        assert (status, "off: CACHE_ENABLED is false" in out.decode()) == (0, True)


async def test_a_refused_pattern_names_its_field_and_is_grpcurls_exit_status(address: str) -> None:
    status, out, errors = await fhirexport(address, "cache", "entries", "session:*")
    assert (status, out) == (64 + 3, b"")
    assert "pattern: must start with fhir:" in errors


@pytest.mark.parametrize(
    "arguments",
    [
        ["stats", "5"],
        ["stats", "--watch", "0"],
        ["stats", "--watch", "soon"],
        ["invalidate"],
        ["warm", "abc"],
        ["warm", "--dataset", "beds"],
        ["nonsense"],
    ],
)
async def test_a_command_that_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    status, out, errors = await fhirexport("localhost:1", "cache", *arguments)
    assert (status, out, "Usage" in errors) == (2, b"", True)


# --- watching -------------------------------------------------------------------------------------


async def test_watching_on_a_terminal_waits_for_the_server_and_ends_with_ctrl_c(
    url: str, valkey: Valkey
) -> None:
    async with running_server(url, redis_url=valkey.url) as address:
        await wait_for_health(address)
    async with on_a_terminal(address, "cache", "stats", "--watch", "0.1") as terminal:
        await terminal.until("trying again")
        async with running_server(url, redis_url=valkey.url, listen_address=address):
            await terminal.until("0 hits, 0 misses")
            await fhirexport(address, "venues", "1")
            await terminal.until("0 hits, 1 misses")
        await terminal.until("trying again")
        async with running_server(url, redis_url=valkey.url, listen_address=address):
            await terminal.until("0 hits, 0 misses")
            terminal.interrupt()
            assert await terminal.ended() == 0
    assert "Traceback" not in terminal.shown


async def test_watching_from_a_script_is_a_line_each_time(address: str) -> None:
    process = await asyncio.create_subprocess_exec(
        FHIREXPORT, "--address", address, "cache", "stats", "--watch", "0.1", "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        lines = [json.loads(await process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    assert [line["enabled"] for line in lines] == [True, True, True]


async def test_watching_ends_with_what_does_not_pass() -> None:
    async with playing([]) as (address, _):
        # It has no CacheAdmin.
        status, out, errors = await fhirexport(address, "cache", "stats", "--watch")
    assert (status, out, "UNIMPLEMENTED" in errors) == (64 + 12, b"", True)


# --- completion -----------------------------------------------------------------------------------


async def test_a_shell_can_complete_commands() -> None:
    words = {
        "_FHIREXPORT_COMPLETE": "complete_bash",
        "COMP_WORDS": "fhirexport cache ",
        "COMP_CWORD": "2",
    }
    _, out, _ = await run((FHIREXPORT,), Path.cwd(), environment("localhost:1") | words)
    assert set(out.decode().split()) == {"stats", "health", "entries", "invalidate", "flush", "warm"}
