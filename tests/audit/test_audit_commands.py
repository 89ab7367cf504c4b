"""The commands that read an audit trail, as people and scripts use them."""

import json
from pathlib import Path

import pytest
from fhirexport_server.audit.files import files_of
from fhirexport_server.audit.verification import verify
from fhirexport_server.commands import app
from support.trails import NAME, chain, made
from typer.testing import CliRunner, Result

WHO = {
    "proof": "jwt",
    "subject": "laboratory",
    "issuer": "https://issuer.test",
    "token_id": "t-1",
    "caller": "lab",
}
CALL = {
    "call": "c-1",
    "method": "ExportService/StreamExport",
    "request_id": "r-1",
    "peer": "ipv6:[::1]:5000",
    "who": WHO,
    "ej": 1,
    "finess": "010780054",
    "dataset": "patients",
    "source": "cache",
    "etag": "e",
}
BEGUN = {"time": "2026-11-27T10:00:00.000Z", "event": "begun", **CALL}
ENDED = {"time": "2026-11-27T10:00:01.000Z", "event": "ended", "call": "c-1", "status": "OK", "resources": 7}
CUT = {**BEGUN, "call": "c-2", "time": "2026-11-27T10:00:02.000Z"}
REFUSED = {
    "time": "2026-11-27T10:00:03.000Z",
    "event": "refused",
    "call": "c-3",
    "method": "ImportService/ImportBundle",
    "request_id": "r-3",
    "peer": "unix:",
    "status": "UNAUTHENTICATED",
    "reason": "CREDENTIALS_MISSING",
}


def _ran(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    written = chain(tmp_path)
    written.append([BEGUN, ENDED, CUT, REFUSED])
    written.close()
    return tmp_path


def test_a_sound_trail_is_said_to_be_sound_with_its_head(trail: Path) -> None:
    done = _ran("verify", trail)
    assert (done.exit_code, done.output) == (
        0,
        f"audit: 6 lines; nothing is wrong; head {verify(trail, NAME).last}\n",
    )
    assert _ran("verify", trail, "--head", verify(trail, NAME).last).exit_code == 0


def test_a_damaged_trail_ends_with_1_and_says_where(trail: Path) -> None:
    (path,) = files_of(trail, NAME)
    path.write_bytes(path.read_bytes().replace(b'"ej":1', b'"ej":2', 1))
    done = _ran("verify", trail)
    assert done.exit_code == 1
    assert done.output.splitlines()[0] == "audit: audit-000000000000001.jsonl:3: was changed"
    shown = json.loads(_ran("verify", trail, "--json").output)
    assert shown["chains"][0]["problems"] == ["audit-000000000000001.jsonl:3: was changed"]


def test_a_head_that_was_kept_elsewhere_shows_a_trail_that_was_set_back(trail: Path) -> None:
    kept = verify(trail, NAME).last
    for path in trail.iterdir():
        path.unlink()
    made(trail, 1)
    done = _ran("verify", trail, "--head", kept)
    assert (done.exit_code, "lines 4 to 6 are missing at the end" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--head", "x"), "is not NUMBER:HASH"),
        (("--chain", "other"), "has no chain other"),
        (("--head", f"1:{'0' * 64}"), "there are several chains: name one of audit, audit.2 with --chain"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_says_why(
    arguments: tuple[str, ...], told: str, trail: Path
) -> None:
    chain(trail, name="audit.2").close()
    done = _ran("verify", trail, *arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_a_directory_without_a_trail_ends_with_2(tmp_path: Path) -> None:
    for directory, told in ((tmp_path, "has no audit trail"), (tmp_path / "none", "cannot be read")):
        for command in ("verify", "tail", "export"):
            done = _ran(command, directory)
            assert (done.exit_code, told in done.output) == (2, True), command


def test_the_last_lines_are_shown_to_people(trail: Path) -> None:
    lines = _ran("tail", trail, "-n", "4").output.splitlines()
    assert [line.split("  ")[1].strip() for line in lines] == ["begun", "ended", "begun", "refused"]
    assert lines[0] == (
        "2026-11-27T10:00:00.000Z  begun     ExportService/StreamExport  lab  ej 1  patients  cache  c-1"
    )
    assert lines[3].endswith("unix:  UNAUTHENTICATED CREDENTIALS_MISSING  c-3")
    assert json.loads(_ran("tail", trail, "-n", "1", "--json").output)["reason"] == "CREDENTIALS_MISSING"


def test_calls_become_audit_events(trail: Path) -> None:
    start, whole, refused, cut = (json.loads(line) for line in _ran("export", trail).output.splitlines())
    assert {event["resourceType"] for event in (start, whole, refused, cut)} == {"AuditEvent"}
    assert start["subtype"][0]["code"] == "110120"
    assert (whole["type"]["code"], whole["action"], whole["outcome"]) == ("110106", "R", "0")
    assert whole["subtype"][0]["code"] == "disclose"
    assert whole["recorded"] == BEGUN["time"]
    recipient, source = whole["agent"]
    assert recipient["who"] == {
        "identifier": {"system": "https://issuer.test", "value": "laboratory"},
        "display": "lab",
    }
    assert (recipient["requestor"], recipient["type"]["coding"][0]["code"]) == (True, "110152")
    assert recipient["network"] == {"address": "::1", "type": "2"}
    assert (source["requestor"], source["type"]["coding"][0]["code"]) == (False, "110153")
    ej, query, request = whole["entity"]
    assert ej["what"]["identifier"] == {"system": "https://finess.esante.gouv.fr", "value": "010780054"}
    assert {"type": "resources", "valueString": "7"} in query["detail"]
    assert request["what"]["identifier"]["value"] == "r-1"
    assert (refused["type"]["code"], refused["outcome"]) == ("110107", "4")
    assert refused["outcomeDesc"] == "UNAUTHENTICATED CREDENTIALS_MISSING"
    assert (cut["outcome"], cut["outcomeDesc"]) == ("8", "it began, and nothing says how it ended")
    assert len({event["id"] for event in (start, whole, refused, cut)}) == 4
