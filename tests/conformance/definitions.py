"""Owns what a validator must be told of: the extensions in our exports that no published package defines.

They are this service's own, below its base URL, and those of R5 that R4 may use. As other FHIR tools
are, the validator is given their definitions; without one it calls every use of an extension an error.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OWN = {
    "encounter-movement-trigger": "code",
    "encounter-movement-nature": "code",
    "encounter-care-unit": "Reference",
    "encounter-accommodation-unit": "Reference",
    "encounter-expected-return": "dateTime",
}
_R5 = {"http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter.plannedStartDate": "dateTime"}
_BASE = "hl7.fhir.r4.core#4.0.1"
_EXTENDED = "frcore.deps#2.2.0"


def with_definitions(home: Path, copy: Path, base_url: str) -> None:
    """Makes `copy` a validator's home like `home`, whose packages also define our extensions."""
    copy.mkdir()
    for entry in home.iterdir():
        if entry.is_dir() and entry.name != "pkgcache":
            (copy / entry.name).symlink_to(entry)
        elif entry.is_file():
            shutil.copy2(entry, copy)
    packages = home / "pkgcache"
    (copy / "pkgcache").mkdir()
    for package in packages.iterdir():
        if package.name != _EXTENDED:
            (copy / "pkgcache" / package.name).symlink_to(package)
    extended = copy / "pkgcache" / _EXTENDED / "package"
    extended.mkdir(parents=True)
    for known in (packages / _EXTENDED / "package").iterdir():
        (extended / known.name).symlink_to(known)
    base = json.loads((packages / _BASE / "package" / "StructureDefinition-Extension.json").read_text())
    for definition in _definitions(base["snapshot"]["element"], base_url):
        (extended / f"StructureDefinition-{definition['id']}.json").write_text(json.dumps(definition))


def _definitions(elements: list[dict[str, Any]], base_url: str) -> Iterator[dict[str, Any]]:
    own = {f"{base_url}/StructureDefinition/{name}": value_type for name, value_type in _OWN.items()}
    for url, value_type in (own | _R5).items():
        name = url.rsplit("/", 1)[1]
        yield {
            "resourceType": "StructureDefinition",
            "id": name,
            "url": url,
            "version": "1.0.0",
            "name": "".join(word.capitalize() for word in name.replace(".", "-").split("-")),
            "status": "active",
            "fhirVersion": "4.0.1",
            "kind": "complex-type",
            "abstract": False,
            "context": [{"type": "element", "expression": "Encounter"}],
            "type": "Extension",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
            "derivation": "constraint",
            "snapshot": {"element": [_constrained(element, url, value_type) for element in elements]},
            "differential": {"element": [{"id": "Extension", "path": "Extension"}]},
        }


def _constrained(element: dict[str, Any], url: str, value_type: str) -> dict[str, Any]:
    match element["path"]:
        case "Extension.url":
            return {**element, "fixedUri": url}
        case "Extension.value[x]":
            return {**element, "min": 1, "type": [{"code": value_type}]}
        case "Extension.extension":
            return {**element, "max": "0"}
        case _:
            return element
