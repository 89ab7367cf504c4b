"""The bytes themselves: compact UTF-8, the same in every process, and one version for what they are."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from fhir.everything import everything
from fhir.full_rows import FULL_ROWS
from fhir.samples import CONTEXT, UNIT
from fhirexport_server.domain import codes
from fhirexport_server.fhir import ids
from fhirexport_server.fhir.renderer_version import RENDERER_VERSION
from fhirexport_server.fhir.rendering.structure import org_unit
from fhirexport_server.fhir.resources import Encounter, Location, Organization, Patient

TESTS = Path(__file__).parents[1]
# What each version of the renderer makes of everything. A difference needs another version: an answer
# that was cached by the one before would otherwise pass for the same.
SHA256 = {"2": "41761e04f9cf6bb1a49a1b2172772ad3875e8736a78d5c3514819ff6a2a7b64e"}


def _digest() -> str:
    return hashlib.sha256(b"\n".join(resource.json for resource in everything())).hexdigest()


def test_a_change_of_any_byte_comes_with_another_version() -> None:
    digest = _digest()
    assert SHA256.get(RENDERER_VERSION) == digest, (
        "where bytes are to change, raise RENDERER_VERSION, once for a release, and have SHA256 say of it: "
        f"{digest}"
    )


@pytest.mark.parametrize("model", [Organization, Location, Patient, Encounter])
def test_everything_has_each_element(model: type[msgspec.Struct]) -> None:
    shown = {name for one in everything() if one.type == model.__name__ for name in json.loads(one.json)}

    assert {field.encode_name for field in msgspec.structs.fields(model)} == shown - {"resourceType"}


@pytest.mark.parametrize("row", FULL_ROWS, ids=lambda row: type(row).__name__)
def test_everything_has_each_column(row: NamedTuple) -> None:
    assert [name for name, value in row._asdict().items() if value is None] == [], (
        "give the column a value in full_rows.py: without one, nothing tells of the bytes that it makes"
    )


@pytest.mark.parametrize("seed", ["0", "1", "20261123"])
def test_another_process_makes_the_same_bytes(seed: str) -> None:
    script = "from fhir.everything import everything\nfor r in everything(): print(r.json.decode())"
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(TESTS), "PYTHONUTF8": "1"}

    made = subprocess.run(
        [sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True
    )

    assert made.stdout.splitlines() == [resource.json.decode() for resource in everything()]


def test_json_is_compact_and_not_escaped() -> None:
    resource = org_unit(UNIT._replace(name='Pôle « Cœur » \U0001f600 "A"'), [], CONTEXT)

    assert (
        resource.json
        == json.dumps(json.loads(resource.json), ensure_ascii=False, separators=(",", ":")).encode()
    )
    assert 'Pôle « Cœur » \U0001f600 \\"A\\"'.encode() in resource.json


def test_a_resource_begins_with_its_type_and_its_id() -> None:
    for resource in everything():
        assert resource.json.startswith(f'{{"resourceType":"{resource.type}","id":"{resource.id}",'.encode())


def test_every_id_is_one_that_fhir_allows() -> None:
    largest = 2**63 - 1
    found = [
        ids.ej_id(largest),
        *(ids.unit_id(kind, largest) for kind in codes.ORG_KIND),
        *(ids.place_id(kind, largest) for kind in codes.PLACE_KIND),
        ids.patient_id(largest),
        ids.venue_id(largest),
        ids.movement_id(largest),
    ]

    assert [one for one in found if re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", one) is None] == []
    assert len(set(found)) == len(found)
