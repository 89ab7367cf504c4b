"""Shows what `fhirexport-server policy` says, with the policy and the words of docs/security.md."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest
from fhirexport_server.access.explanation import NOBODY
from fhirexport_server.access.policy_file import read
from fhirexport_server.access.right import Action
from fhirexport_server.access.scopes import TYPES
from fhirexport_server.certificates.throwaway import Authority
from fhirexport_server.rpc.access.call_rights import ACTIONS
from support.command import run
from support.documented import ROOT, blocks, matches

PROGRAM = Path(sys.executable).with_name("fhirexport-server")
PAGE = "docs/security.md"
POLICY = next(block.text for block in blocks(PAGE) if block.language == "toml")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "policy.toml").write_text(POLICY)
    return tmp_path


def _policy(directory: Path, *arguments: str) -> tuple[int, str, str]:
    command: tuple[str | Path, ...] = (PROGRAM, "policy", *arguments)
    status, out, errors = asyncio.run(run(command, directory, dict(os.environ)))
    return status, out.decode(), errors


def test_the_commands_of_the_page_print_what_it_says(directory: Path) -> None:
    commands = [
        command
        for block in blocks(PAGE)
        if block.language == "console"
        for command in block.commands
        if command.line.startswith("fhirexport-server policy ")
    ]
    assert len(commands) == 2
    for command in commands:
        status, out, errors = _policy(directory, *command.line.split()[2:])
        assert (status, errors) == (0, "")
        assert matches(command.expected, out)


def test_the_page_has_every_method_with_its_right_and_every_type_with_its_dataset() -> None:
    text = (ROOT / PAGE).read_text()
    rows = re.findall(r"^\| `([a-z:]+?):?(?:<.*)?`.* \| .* \| (.*) \|$", text, re.MULTILINE)
    documented: dict[str, set[str]] = {}
    for right, methods in rows:
        if right.rstrip(":") in set(Action):
            documented[right] = set(re.findall(r"`([A-Z]\w+)`", methods))
    documented[Action.CACHE_ADMIN] |= documented[Action.CACHE_READ]  # "these"
    for path, action in ACTIONS.items():
        assert path.rpartition("/")[2] in documented[action]
    assert documented.keys() == set(Action)
    for types in TYPES.values():
        assert all(f"`system/{name}.rs`" in text for name in types)


def test_a_wrong_policy_is_one_line_and_ends_with_2(directory: Path) -> None:
    (directory / "policy.toml").write_text(POLICY.replace("export:*:*", "export:all"))
    for command in ("check", "explain"):
        status, out, errors = _policy(directory, command, "policy.toml")
        assert (status, out, len(errors.splitlines())) == (2, "", 1)
        assert "policy.toml: callers, table 2 (warehouse), rights, value 1: 'export:all'" in errors
    status, _, errors = _policy(directory, "check", "other.toml")
    assert (status, "other.toml: cannot be read" in errors) == (2, True)


def test_explain_says_who_shows_a_certificate(directory: Path) -> None:
    authority = Authority(name="Clinic CA")
    for name, said in {"laboratory.example.org": "laboratory", "laboratory.example.com": NOBODY}.items():
        (directory / "client.pem").write_bytes(authority.client(name)[0])
        status, out, _ = _policy(directory, "explain", "policy.toml", "--certificate", "client.pem")
        assert (status, said in out, name in out, "CN=Clinic CA" in out) == (0, True, True, True)
    (directory / "client.pem").write_bytes(authority.client("laboratory.example.org", "spiffe://a/b")[0])
    status, out, _ = _policy(directory, "explain", "policy.toml", "--certificate", "client.pem", "--json")
    found = json.loads(out)
    assert (status, found["refused"], found["callers"][0]["caller"]) == (0, None, "laboratory")
    assert "spiffe://a/b" in found["identity"]["names"]


def test_explain_says_what_scopes_leave(directory: Path) -> None:
    jwt = ("explain", "policy.toml", "--jwt", "https://issuer.example.org", "portal", "--json")
    scopes = ("--scope", "system/Patient.rs", "--scope", "system/Location.rs")
    permitted = {}
    for name, given in {"none": (), "some": scopes}.items():
        (found,) = json.loads(_policy(directory, *jwt, *given)[1])["callers"]
        permitted[name] = {right["right"]: right["permitted"] for right in found["rights"]}
    structure, patients = "export:structure:*", "watch:patients:ej:010780054"
    assert permitted["none"] == {
        structure: ["export structure", "watch structure"],
        patients: ["watch patients"],
    }
    assert permitted["some"] == {structure: [], patients: ["watch patients"]}
    assert "but not with the scopes" in _policy(directory, *jwt[:-1], *scopes)[1]


def test_explain_says_who_a_token_is_and_what_everybody_may(directory: Path) -> None:
    assert "operator" in _policy(directory, "explain", "policy.toml", "--token", "operator-2026")[1]
    assert NOBODY in _policy(directory, "explain", "policy.toml", "--token", "operator")[1]
    out = _policy(directory, "explain", "policy.toml", "--json")[1]
    callers = [one.name for one in read(POLICY.encode(), directory).callers]
    assert [one["caller"] for one in json.loads(out)["callers"]] == callers


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nobody",), "there is no caller nobody"),
        (("laboratory", "--token", "t"), "name one of a caller"),
        (("--scope", "system/*.rs"), "give --jwt as well"),
        (("--certificate", "policy.toml"), "is not the file of a certificate"),
        (("--certificate", "nothing.pem"), "is not the file of a certificate"),
    ],
)
def test_what_explain_cannot_answer_is_one_line(
    directory: Path, arguments: tuple[str, ...], told: str
) -> None:
    status, out, errors = _policy(directory, "explain", "policy.toml", *arguments)
    assert (status, out, len(errors.splitlines()), told in errors) == (2, "", 1, True)
