"""Shows the clients and the command line against the real server, on both databases."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from fhirexport import AsyncClient, Client, InvalidArgumentError, NotFoundError, __version__
from support.command import fhirexport
from support.server import running_server, wait_for_health


@pytest.fixture
async def address(demo_database_url: str) -> AsyncIterator[str]:
    async with running_server(demo_database_url) as address:
        await wait_for_health(address)
        yield address


async def test_both_clients_read_the_same_bytes(address: str) -> None:
    def read() -> list[bytes]:
        with Client(address) as client:
            assert client.health() == "SERVING"
            exports = (client.structure(1), client.patients(1), client.venues(1, movements=True))
            return [export.read("transaction") for export in exports]

    found = await asyncio.to_thread(read)
    async with AsyncClient(address) as client:
        exports = (client.structure(1), client.patients(1), client.venues(1, movements=True))
        assert [await export.read("transaction") for export in exports] == found
    assert all(json.loads(content)["type"] == "transaction" for content in found)


async def test_every_consistency_is_answered(address: str) -> None:
    async with AsyncClient(address) as client:
        first = client.venues(1)
        content = await first.read()
        assert first.snapshot is not None
        assert first.snapshot.cache_status.startswith("fhirexport;")
        for export in (
            client.venues(1, max_staleness=timedelta(seconds=30)),
            client.venues(1, at_least=first.snapshot.revision),
            client.venues(1, fresh=True),
        ):
            assert await export.read() == content
        unchanged = client.venues(1, if_none_match=first.snapshot.etag)
        assert await unchanged.read() == b""
        assert unchanged.not_modified
        with pytest.raises(InvalidArgumentError) as refused:
            await client.venues(1, at_least="nonsense").read()
        assert [violation.field for violation in refused.value.violations] == ["consistency.at_least"]


def test_contradicting_options_are_refused() -> None:
    with Client() as client, pytest.raises(ValueError, match="at most one"):
        client.venues(1, fresh=True, at_least="r")


async def test_an_unknown_ej_is_an_error_of_its_own(address: str) -> None:
    async with AsyncClient(address) as client:
        with pytest.raises(NotFoundError) as refused:
            await client.structure(999).bundle()
    assert (refused.value.reason, refused.value.metadata["ej_id"]) == ("EJ_NOT_FOUND", "999")


async def test_entities_are_found_by_their_finess(address: str) -> None:
    async with AsyncClient(address) as client:
        found = [entity async for entity in client.entities()]
        assert [entity.ej_id for entity in found] == sorted(entity.ej_id for entity in found)
        only = [entity async for entity in client.entities(found[0].finess)]
        assert only == [found[0]]


# --- the command line -----------------------------------------------------------------------------


async def test_an_export_on_standard_output_is_the_bytes_and_nothing_else(address: str) -> None:
    async with AsyncClient(address) as client:
        expected = await client.structure(1).read("bundle")
    assert await fhirexport(address, "structure", "1") == (0, expected, "")


async def test_an_ej_can_be_named_by_its_finess(address: str) -> None:
    status, by_finess, _ = await fhirexport(address, "structure", "010780054", "--format", "ndjson")
    assert (status, by_finess) == (0, (await fhirexport(address, "structure", "1", "--format", "ndjson"))[1])


async def test_a_file_is_described_as_json(address: str, tmp_path: Path) -> None:
    target = tmp_path / "venues.ndjson"
    status, out, errors = await fhirexport(
        address, "venues", "1", "--movements", "--format", "ndjson", "-o", target, "--json"
    )
    described = json.loads(out)
    assert (status, errors, described["file"]) == (0, "", str(target))
    assert described["resource_count"] == len(target.read_bytes().splitlines())
    assert described["size_bytes"] == target.stat().st_size
    status, _, errors = await fhirexport(
        address, "venues", "1", "--movements", "--format", "ndjson",
        "-o", target, "--if-none-match", described["etag"],
    )  # fmt: skip
    assert (status, "not modified" in errors) == (0, True)


async def test_entities_are_a_table_or_json(address: str) -> None:
    status, out, _ = await fhirexport(address, "entities", "--json")
    assert (status, json.loads(out)[0]["finess"]) == (0, "010780054")
    status, out, _ = await fhirexport(address, "entities")
    assert (status, "Centre hospitalier de Bourg-en-Bresse" in out.decode()) == (0, True)


async def test_health_is_an_exit_status(address: str) -> None:
    assert await fhirexport(address, "health") == (0, b"SERVING\n", "")
    status, out, _ = await fhirexport(address, "health", "--json")
    assert (status, json.loads(out)) == (0, {"status": "SERVING"})


async def test_an_error_is_told_with_its_reason_and_grpcurls_exit_status(address: str) -> None:
    status, out, errors = await fhirexport(address, "patients", "999")
    assert (status, out) == (64 + 5, b"")
    assert "EJ_NOT_FOUND" in errors
    assert "request id" in errors


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    status, out, errors = await fhirexport("localhost:1", "entities")
    assert (status, out) == (64 + 14, b"")
    assert "UNAVAILABLE" in errors


@pytest.mark.parametrize(
    "arguments",
    [
        ["structure", "abc"],
        ["structure", "1", "--json"],
        ["structure", "1", "--movements"],
        ["venues", "1", "--fresh", "--max-staleness", "5"],
        ["venues", "1", "--format", "xml"],
        ["nonsense"],
    ],
)
async def test_a_command_that_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    status, out, errors = await fhirexport("localhost:1", *arguments)
    assert (status, out) == (2, b"")
    assert "Usage" in errors


async def test_the_version_is_the_packages() -> None:
    assert await fhirexport("localhost:1", "--version") == (0, f"fhirexport {__version__}\n".encode(), "")
