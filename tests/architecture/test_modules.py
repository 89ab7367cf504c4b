"""Every module is in the contracts of `pyproject.toml`, packages and files stay small, and names differ."""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server" / "fhirexport_server"
CLIENT = ROOT / "client" / "fhirexport"
TESTS = ROOT / "tests"
GENERATED = CLIENT / "v1"
MOST_FILES = 12
MOST_LINES = 300

SAME_FILE_NAMES = {
    "service.py": "each gRPC service has a room with the same parts",
    "requests.py": "the same",
    "messages.py": "the same",
    "structure.py": "rendered, imported and stored apart, and named for the dataset each time",
    "patients.py": "the same",
    "venues.py": "the same",
}
"""File names that the server has more than once, with the reason."""

OUTSIDE = {
    "Only rpc and app know gRPC": {
        "rpc": "it is what knows gRPC",
        "callers": "it makes what rpc asks who calls",
        "app": "it starts the server",
        "auditing": "it makes what rpc writes the audit trail with",
        "serving": "it runs the app",
        "commands": "it runs what serves",
        "policy_commands": "it is a part of the commands",
        "__main__": "it runs the commands",
    },
    "Only store knows the database": {"store": "it is what knows the database"},
    "Only cache.redis knows Redis": {"cache.redis": "it is what knows Redis"},
}
"""Modules that a contract does not bind, with the reason."""

OPEN_TO_THE_SERVER = {
    "v1": "the messages",
    "_version": "the version",
    "_internal": "its `stdio` is what both commands print with; nothing in it is for callers",
}
"""Modules of the client that the server may import, with the reason."""


def _contracts() -> Mapping[str, Mapping[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {contract["name"]: contract for contract in settings["contracts"]}


def _children(package: Path) -> set[str]:
    """The modules and packages of a package."""
    return {
        path.stem
        for path in package.iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }


def _sources(package: Path) -> Iterator[Path]:
    """Its files, but for those that only describe their package."""
    for path in sorted(package.rglob("*.py")):
        if path.stem != "__init__" and GENERATED not in path.parents:
            yield path


def _layers(contract: Mapping[str, Any]) -> set[str]:
    return {name for layer in contract["layers"] for name in re.findall(r"\w+", layer)}


def _is_below(module: str, names: AbstractSet[str]) -> bool:
    return any(f"{module}.".startswith(f"{name}.") for name in names)


LAYERED = [name for name, contract in _contracts().items() if contract["type"] == "layers"]


@pytest.mark.parametrize("name", LAYERED)
def test_every_module_of_a_layered_package_has_its_layer(name: str) -> None:
    contract = _contracts()[name]
    (container,) = contract["containers"]
    assert contract["exhaustive"]
    assert _layers(contract) == _children(ROOT / "server" / container.replace(".", "/"))


def test_the_layers_reach_every_module_of_the_server() -> None:
    assert any(contract.get("containers") == ["fhirexport_server"] for contract in _contracts().values())


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_contract_on_libraries_binds_every_module(name: str) -> None:
    named = {module.removeprefix("fhirexport_server.") for module in _contracts()[name]["source_modules"]}
    outside = OUTSIDE[name].keys()
    assert not named & outside
    modules = {".".join(path.relative_to(SERVER).with_suffix("").parts) for path in _sources(SERVER)}
    assert {module for module in modules if not _is_below(module, named | outside)} == set()


def test_the_server_is_kept_from_every_other_module_of_the_client() -> None:
    contract = _contracts()["Of the client, the server knows the messages and the version"]
    closed = {module.removeprefix("fhirexport.") for module in contract["forbidden_modules"]}
    assert closed == _children(CLIENT) - OPEN_TO_THE_SERVER.keys()


def test_no_folder_holds_more_than_a_dozen_files() -> None:
    count: defaultdict[str, int] = defaultdict(int)
    for package in (SERVER, CLIENT):
        for path in _sources(package):
            count[str(path.parent.relative_to(ROOT))] += 1
    assert {folder: files for folder, files in count.items() if files > MOST_FILES} == {}


def test_no_file_is_long() -> None:
    long = {
        path.relative_to(package).as_posix()
        for package in (SERVER, CLIENT, TESTS)
        for path in _sources(package)
        if path.read_text().count("\n") > MOST_LINES
    }
    assert long == set()


def test_no_two_files_of_the_server_have_one_name() -> None:
    places: defaultdict[str, list[Path]] = defaultdict(list)
    for path in _sources(SERVER):
        places[path.name].append(path.relative_to(SERVER))
    assert {name for name, paths in places.items() if len(paths) > 1} == SAME_FILE_NAMES.keys()


def test_no_two_public_classes_of_the_server_have_one_name() -> None:
    places: defaultdict[str, list[Path]] = defaultdict(list)
    for path in _sources(SERVER):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(SERVER))
    assert {name for name, paths in places.items() if len(paths) > 1} == set()


def test_every_package_says_what_it_holds() -> None:
    without = [
        path.relative_to(ROOT)
        for package in (SERVER, CLIENT)
        for path in package.rglob("__init__.py")
        if ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert without == []


def test_a_test_that_a_page_or_a_reason_names_is_there() -> None:
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/documentation/*.py")]
    named = {
        (text.name, name) for text in texts for name in re.findall(r"tests/[\w/]+\.py", text.read_text())
    }
    assert named
    assert {(text, name) for text, name in named if not (ROOT / name).exists()} == set()
