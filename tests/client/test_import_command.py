"""Shows `fhirexport import` as people and scripts use it: against a real server."""

import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from fhirexport import AsyncClient
from support.command import fhirexport, on_a_terminal
from support.server import running_server, wait_for_health


@pytest.fixture
async def address(new_group: Callable[[str, int], str]) -> AsyncIterator[str]:
    url = new_group("sqlite", 20)
    async with running_server(url) as address:
        await wait_for_health(address)
        yield address


@pytest.fixture
async def empty(new_database: Callable[[str], str]) -> AsyncIterator[str]:
    async with running_server(new_database("sqlite")) as address:
        await wait_for_health(address)
        yield address


@pytest.mark.long
async def test_an_ej_moves_to_another_server(address: str, empty: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("structure.json", "patients.json", "venues.ndjson")]
    await fhirexport(address, "structure", "1", "-o", files[0])
    await fhirexport(address, "patients", "1", "--format", "transaction", "-o", files[1])
    await fhirexport(address, "venues", "1", "--movements", "--format", "ndjson", "-o", files[2])

    status, out, errors = await fhirexport(empty, "import", files[0])
    assert (status, errors) == (0, "")
    assert b"updated 0, unchanged 0, deleted 0; 0 errors, 0 warnings" in out
    assert b"structure of EJ 1: revision " in out
    for file in files[1:]:
        status, out, errors = await fhirexport(empty, "import", file, "--ej", "010780054", "--json")
        assert (status, errors) == (0, "")
        assert json.loads(out)["created_count"] > 0

    for dataset in ("structure", "patients", "venues"):
        assert (await fhirexport(empty, dataset, "1"))[1] == (await fhirexport(address, dataset, "1"))[1]


async def test_a_pipe_is_read(address: str, tmp_path: Path) -> None:
    async with AsyncClient(address) as client:
        content = await client.patients(1).read("ndjson")
    status, out, errors = await fhirexport(address, "import", "-", "--ej", "1", stdin=content)
    assert (status, errors) == (0, "")
    count = len(content.splitlines())
    assert f"created 0, updated 0, unchanged {count}".encode() in out
    assert not list(tmp_path.iterdir())


async def test_problems_are_listed_where_people_look(address: str, tmp_path: Path) -> None:
    async with AsyncClient(address) as client:
        first, second, *_ = (await client.patients(1).read("ndjson")).splitlines()
    wrong = json.loads(second) | {"active": 7, "maritalStatus": 1}
    file = tmp_path / "patients.ndjson"
    file.write_bytes(first + b"\n" + json.dumps(wrong).encode() + b"\n")

    status, out, errors = await fhirexport(address, "import", file, "--ej", "1")

    assert (status, errors) == (1, "")
    heading, *problems, summary = out.decode().splitlines()
    assert heading.split() == ["resource", "where", "what"]
    assert [line.split()[:3] for line in problems] == [
        ["2", "error", "Patient.active"],
        ["2", "error", "Patient.maritalStatus"],
    ]
    assert summary == "created 0, updated 0, unchanged 1, deleted 0; 2 errors, 0 warnings"


@pytest.mark.long
async def test_all_problems_of_a_refused_bundle_are_listed(address: str, tmp_path: Path) -> None:
    async with AsyncClient(address) as client:
        patients = [one async for one in client.patients(1)]
    changes = {"active": 7, "gender": "blue"}
    wrong = [one | {"id": f"pat-{place}"} | changes for place, one in enumerate(patients * 10, 1)]
    file = tmp_path / "patients.json"
    entries = [{"resource": one} for one in wrong]
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))

    status, out, errors = await fhirexport(address, "import", file, "--ej", "1")

    assert (status, errors) == (1, "")
    heading, *problems, more, summary = out.decode().splitlines()
    assert {line.split()[2].rpartition(".")[2] for line in problems} == set(changes)
    times = [re.search(r"\((\d+) times: ", line) for line in problems]
    assert sum(int(one[1]) if one else 1 for one in times) == 100
    assert len(problems) < 5
    assert heading.split() == ["resource", "where", "what"]
    assert more.startswith("… and ")
    assert summary.startswith("created 0, updated 0, unchanged 0, deleted 0;")

    status, out, _ = await fhirexport(address, "import", file, "--ej", "1", "--json")
    assert (status, len(json.loads(out)["problems"])) == (1, 100)


@pytest.mark.long
async def test_a_hundred_equal_problems_are_one_line_and_paths_are_whole(
    address: str, tmp_path: Path
) -> None:
    async with AsyncClient(address) as client:
        patient = json.loads((await client.patients(1).read("ndjson")).splitlines()[0])
    unknown = "https://example.org/" + "x" * 200
    wrong = [patient | {"id": f"x{place}", "active": unknown} for place in range(1234)]
    wrong[7] |= {"active": True, "multipleBirthInteger": {"extension": [{"url": unknown}]}}
    file = tmp_path / "patients.ndjson"
    file.write_text("".join(json.dumps(one) + "\n" for one in wrong))

    status, out, errors = await fhirexport(address, "import", file, "--ej", "1")

    assert (status, errors) == (1, "")
    _, *problems, more, summary = out.decode().splitlines()
    assert [line.split()[:3] for line in problems if "Patient.active" in line] == [
        ["1", "error", "Patient.active"]
    ]
    assert "times: 1, 2, 3, 4, 5, …)" in problems[0]
    assert more.startswith("… and 1,13")
    assert "1,23" in summary

    async with on_a_terminal(address, "import", str(file), "--ej", "1") as terminal:
        await terminal.until("times: 1, 2, 3, 4, 5, …)")


@pytest.mark.long
async def test_every_kind_of_file_is_read_or_named(address: str, tmp_path: Path) -> None:
    """Field cases 22, 24 and 25, and the others of their kind."""
    async with AsyncClient(address) as client:
        patients = [one async for one in client.patients(1)][:3]
    lines = "".join(json.dumps(one) + "\n" for one in patients).encode()
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"Patient/{one['id']}"}} for one in patients
    ]
    late = {"type": "transaction", "entry": entries, "resourceType": "Bundle"}
    file = tmp_path / "patients"

    for content in (
        b"\xef\xbb\xbf" + lines,
        json.dumps(late | {"timestamp": "x" * 5000}).encode(),
        json.dumps(late, indent=2).encode(),
        b"\xef\xbb\xbf" + json.dumps(late, indent=2).encode(),
        json.dumps(patients, indent=2).encode(),
        b"".join(json.dumps(one, indent=2).encode() for one in patients),
        gzip.compress(lines),
        gzip.compress(json.dumps(late).encode()),
    ):
        file.write_bytes(content)
        status, out, errors = await fhirexport(address, "import", file, "--ej", "1")
        assert (status, errors) == (0, "")
        assert b"created 0, updated 0, unchanged 3, deleted 0; 0 errors, 0 warnings" in out
    file.write_text(json.dumps(patients[0], indent=2))
    status, out, errors = await fhirexport(address, "import", file, "--ej", "1")
    assert b"unchanged 1, deleted 0; 0 errors" in out
    noise = Random(1).randbytes(1 << 20).hex().encode()
    for content, text in (
        (b"", "is empty"),
        (lines.decode().encode("utf-16"), "is UTF-16"),
        (gzip.compress(lines + b"\n" * 9 + noise)[:-9], "is damaged"),
        (gzip.compress(lines + b" " + noise + noise)[:-9], "is damaged"),
    ):
        file.write_bytes(content)
        status, out, errors = await fhirexport(address, "import", file, "--ej", "1")
        assert (status, out) == (2, b"")
        (line,) = errors.splitlines()
        assert line.startswith(f"fhirexport: {file} {text}")


async def test_what_cannot_be_imported_is_told_in_one_line(address: str, tmp_path: Path) -> None:
    none, nonsense, large = (tmp_path / name for name in ("none", "nonsense", "large"))
    nonsense.write_bytes(b'{"resourceType": "Bundle", "type": ')
    large.write_bytes(b'{"resourceType": "Bundle", "type": "batch", "x": "' + b"x" * (8 << 20))

    status, _, errors = await fhirexport(address, "import", none)
    assert (status, errors) == (1, f"fhirexport: No such file or directory: {none}\n")
    status, _, errors = await fhirexport(address, "import", nonsense, "--ej", "1")
    assert status == 64 + 3
    assert "bundle: must be JSON (RFC 8259)" in errors
    status, _, errors = await fhirexport(address, "import", large, "--ej", "1")
    assert status == 2
    assert "send NDJSON" in errors
    status, _, errors = await fhirexport(address, "import", large, "--ej", "99")
    assert status == 2


async def test_an_import_that_nobody_answered_can_be_resumed(address: str, tmp_path: Path) -> None:
    async with AsyncClient(address) as client:
        patient = json.loads((await client.patients(1).read("ndjson")).splitlines()[0])
    file, request_id = tmp_path / "patients.ndjson", str(uuid4())
    file.write_text(json.dumps(patient | {"birthDate": "1950-02-03"}))

    status, _, errors = await fhirexport("127.0.0.1:9", "import", file, "--request-id", request_id)
    assert status == 64 + 14
    assert f"fhirexport import {file} --request-id {request_id}" in errors

    done = await fhirexport(address, "import", file, "--ej", "1", "--request-id", request_id)
    assert done[0] == 0
    assert await fhirexport(address, "import", file, "--ej", "1", "--request-id", request_id) == done
    status, _, errors = await fhirexport(address, "import", file, "--ej", "1", "--request-id", "7")
    assert status == 64 + 3
    assert "options.request_id" in errors


async def test_nothing_is_written_with_validate_only(address: str, tmp_path: Path) -> None:
    async with AsyncClient(address) as client:
        before = await client.patients(1).read("ndjson")
        file = tmp_path / "patients.ndjson"
        file.write_bytes(before.replace(b'"gender":"male"', b'"gender":"female"'))
        status, out, _ = await fhirexport(address, "import", file, "--ej", "1", "--validate-only")
        assert status == 0
        assert out.startswith(b"would be created 0, updated ")
        assert await client.patients(1).read("ndjson") == before


async def test_a_terminal_shows_how_far_it_has_come(address: str, tmp_path: Path) -> None:
    async with AsyncClient(address) as client:
        file = tmp_path / "venues.ndjson"
        await client.venues(1, movements=True).save(file)
    async with on_a_terminal(address, "import", str(file), "--ej", "1") as terminal:
        await terminal.until("unchanged")
