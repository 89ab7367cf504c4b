"""Shows `fhirexport sync` as people and scripts use it: against a real server."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fhirexport import Client
from fhirexport.cli.sync_output import ChangeFormat, write
from fhirexport.testing import FakeServer
from sqlalchemy import text
from support.command import FHIREXPORT, environment, fhirexport
from support.mirroring import patients
from support.rows import writing
from support.server import PATIENCE, running_server, wait_for_health

UPDATE = "UPDATE patient SET used_family = 'DURAND'"
BASE = "https://fhir.example.org/r4"


@pytest.fixture
async def address(small_url: str) -> AsyncIterator[str]:
    async with running_server(small_url) as address:
        await wait_for_health(address)
        yield address


def _write(url: str, *statements: str) -> None:
    with writing(url) as connection:
        for statement in statements:
            connection.execute(text(statement))


async def _export(address: str, *arguments: str) -> bytes:
    status, out, errors = await fhirexport(address, *arguments, "--format", "ndjson")
    assert status == 0, errors
    return out


async def _copy(address: str, folder: Path) -> bytes:
    """Bring a copy up to date; return what that changes."""
    status, out, errors = await fhirexport(address, "sync", "1", "patients", folder, "--as", "ndjson")
    assert status == 0, errors
    return out


async def test_a_copy_is_made_and_brought_up_to_date(address: str, small_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "patients"
    status, out, errors = await fhirexport(address, "sync", "010780054", "patients", folder)
    assert (status, out) == (0, b"")
    assert "1 of 1 segments sent" in errors
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.rglob("*")))
    status, _, errors = await fhirexport(address, "sync", "1", "patients", folder)
    assert status == 0
    assert "up to date" in errors
    await asyncio.to_thread(_write, small_url, UPDATE)
    status, out, _ = await fhirexport(address, "sync", "1", "patients", folder, "--json")
    told = json.loads(out)
    assert (status, told["changed"], told["received_segments"], told["mended"]) == (0, True, 1, None)
    assert told["path"] == str(folder)


async def test_what_has_changed_is_a_transaction(address: str, small_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "venues"
    arguments = (
        "sync",
        "1",
        "venues",
        folder,
        "--movements",
        "--as",
        "transaction",
        "--base-url",
        f"{BASE}/",
    )

    async def transaction() -> dict[tuple[str, str], Any] | None:
        status, out, errors = await fhirexport(address, *arguments)
        assert status == 0, errors
        if not out:
            return None
        bundle = json.loads(out)
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
        for entry in bundle["entry"]:
            assert (
                entry.get("fullUrl", f"{BASE}/{entry['request']['url']}")
                == f"{BASE}/{entry['request']['url']}"
            )
        return {(e["request"]["method"], e["request"]["url"]): e.get("resource") for e in bundle["entry"]}

    first = await transaction()
    exported = [
        json.loads(line) for line in (await _export(address, "venues", "1", "--movements")).splitlines()
    ]
    assert first == {("PUT", f"{one['resourceType']}/{one['id']}"): one for one in exported}
    assert await transaction() is None, "what has not changed is no transaction"
    movement, venue = exported[-1]["id"], exported[0]["id"]
    assert movement.startswith("mvt-")
    number = movement.removeprefix("mvt-")
    await asyncio.to_thread(_write, small_url, f"DELETE FROM movement WHERE id = {number}")
    changed = await transaction()
    assert changed is not None
    assert ("DELETE", f"Encounter/{movement}") in changed
    assert ("PUT", f"Encounter/{venue}") in changed
    after = [json.loads(line) for line in (await _export(address, "venues", "1", "--movements")).splitlines()]
    both = {f"Encounter/{one['id']}": one for one in exported}
    now = {f"Encounter/{one['id']}": one for one in after}
    assert changed == {("PUT", url): one for url, one in now.items() if both.get(url) != one} | {
        ("DELETE", url): None for url in both.keys() - now.keys()
    }


async def test_ndjson_says_what_is_gone_as_bulk_data_does(
    address: str, small_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "venues"
    arguments = ("sync", "1", "venues", folder, "--movements", "--as", "ndjson")
    status, out, _ = await fhirexport(address, *arguments)
    assert (status, out) == (0, await _export(address, "venues", "1", "--movements"))
    movement = json.loads(out.splitlines()[-1])["id"]
    await asyncio.to_thread(
        _write, small_url, f"DELETE FROM movement WHERE id = {movement.removeprefix('mvt-')}"
    )
    _, out, _ = await fhirexport(address, *arguments)
    (gone,) = [one for one in map(json.loads, out.splitlines()) if one["resourceType"] == "Bundle"]
    assert gone == {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": f"Encounter/{movement}"}}],
    }


@pytest.mark.long
async def test_what_could_not_be_written_is_told_again(address: str, tmp_path: Path) -> None:
    """The copy is up to date only once whoever reads has all of it."""
    folder = tmp_path / "patients"
    process = await asyncio.create_subprocess_shell(
        f"{FHIREXPORT} sync 1 patients {folder} --as ndjson > /dev/full",
        env=environment(address),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in errors
    assert await _copy(address, folder) == await _export(address, "patients", "1")


@pytest.mark.long
async def test_what_a_full_disk_does_not_take_is_told_again(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "patients"
    limited = f"ulimit -f 0; trap '' XFSZ; exec {FHIREXPORT} sync 1 patients {folder}"
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", limited, env=environment(address), stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in errors
    assert list((folder / "segments").iterdir()) == []
    assert await _copy(address, folder) == await _export(address, "patients", "1")


def test_a_copy_is_as_told_only_once_that_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may say only when it is waited for that it is full."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    written = tmp_path / "changes"
    with FakeServer() as server, Client(server.address) as client:
        server.put(1, "patients", patients(1))
        mirror = client.mirror(1, "patients", tmp_path / "copy")
        with (
            written.open("w") as out,
            mirror.changes() as changes,
            monkeypatch.context() as patch,
            pytest.raises(OSError, match="No space left"),
        ):
            patch.setattr(sys, "stdout", out)
            patch.setattr(os, "fsync", full)
            write(changes, ChangeFormat.NDJSON, BASE)
        assert len(written.read_bytes().splitlines()) == 1


async def test_a_damaged_copy_is_mended_and_that_is_said(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "patients"
    expected = await _copy(address, folder)
    for segment in (folder / "segments").iterdir():
        segment.write_bytes(b"damaged" + segment.read_bytes()[7:])
    status, _, errors = await fhirexport(address, "sync", "1", "patients", folder, "--verify")
    assert status == 0
    assert "the copy was damaged, and is mended" in errors
    (folder / "manifest.json").write_text("{")
    status, out, errors = await fhirexport(address, "sync", "1", "patients", folder, "--as", "ndjson")
    outcome, *lines = out.splitlines(keepends=True)
    assert (status, json.loads(outcome)["resourceType"], b"".join(lines)) == (0, "OperationOutcome", expected)
    assert "delete what you have besides" in errors


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("patients", "new", "--movements"), 2, "--movements is for venues"),
        (("patients", "new", "--json", "--as", "ndjson"), 2, "give one of them"),
        (("beds", "new"), 2, "beds"),
        (("patients", "new", "--as", "transaction", "--base-url", "fhir.example.org"), 2, "absolute http"),
        (("patients", "new", "--as", "transaction", "--base-url", 'http://x/"'), 2, "absolute http"),
        (("patients", "others"), 1, "is not a mirror"),
        (("patients", "others/file"), 1, "others/file"),
    ],
)
async def test_what_cannot_be_is_refused(
    address: str, tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").write_text("somebody's")
    dataset, folder, *options = arguments
    ended, out, errors = await fhirexport(address, "sync", "1", dataset, tmp_path / folder, *options)
    assert (ended, out) == (status, b"")
    assert said in errors.replace("\n", "")
    assert "Traceback" not in errors
    assert (tmp_path / "others" / "file").read_text() == "somebody's"
    assert not (tmp_path / "new").exists()


async def test_a_folder_of_another_export_is_left_alone(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    await _copy(address, folder)
    status, out, errors = await fhirexport(address, "sync", "1", "venues", folder, "--as", "transaction")
    assert (status, out) == (1, b"")
    assert "is a mirror of the patients of EJ 1: give another folder" in errors.replace("\n", " ")
    assert "Traceback" not in errors


async def test_an_ej_that_does_not_exist_leaves_a_copy_of_nothing(address: str, tmp_path: Path) -> None:
    status, _, errors = await fhirexport(address, "sync", "77", "patients", tmp_path / "new")
    assert status == 64 + 5
    assert "EJ_NOT_FOUND" in errors
    assert not (tmp_path / "new" / "manifest.json").exists()


async def test_it_follows_until_it_is_interrupted(address: str, small_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "patients"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        FHIREXPORT,
        "sync",
        "1",
        "patients",
        folder,
        "--watch",
        "--json",
        env=environment(address),
        stdout=pipe,
        stderr=pipe,
    )  # fmt: skip - an argument a line would be a page
    assert process.stdout is not None

    async def told() -> dict[str, Any]:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            found: dict[str, Any] = json.loads(await process.stdout.readline())
            return found

    before = await told()
    await asyncio.to_thread(_write, small_url, UPDATE)
    after = await told()
    assert (before["changed"], after["changed"]) == (True, True)
    assert before["etag"] != after["etag"]
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(PATIENCE):
        assert await process.wait() == 0
    status, out, _ = await fhirexport(address, "sync", "1", "patients", folder, "--json")
    assert (status, json.loads(out)["changed"], json.loads(out)["etag"]) == (0, False, after["etag"])
