"""Shows that a large import takes no more of a process than a small one."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from imports.hospital import Hospital
from verification.growth.hostile import BOUND_MIB
from verification.growth.shapes import LINES

TESTS = Path(__file__).parents[2]
FEW, MANY = 4_500, 12_000  # the few are more than two windows: from then on nothing grows
MOST_KIB = 16 * 1024
"""The larger import is 24 MB long, and several times that once it is parsed."""
MOST_MIB = 64
"""What an import of a hostile shape may take; the largest would take 2 GB if it were parsed at once."""
OF_LARGE_OBJECTS = ("wide", "identifiers")
"""Shapes of which one window takes more, however few lines there are."""


async def test_many_take_no_more_than_few(hospital: Hospital) -> None:
    template = json.dumps([_patient(hospital), _venue(hospital)])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verification.growth.growing", hospital.url, template, str(FEW), str(MANY),
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert int(out) < MOST_KIB


@pytest.mark.timeout(600)
async def test_hostile_shapes_take_no_more_than_the_bound(hospital: Hospital) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "verification.growth.hostile", "--url", hospital.url,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    mib: dict[str, float] = json.loads(out)
    over = {
        shape: grown
        for shape, grown in mib.items()
        if grown > (BOUND_MIB if shape in OF_LARGE_OBJECTS else MOST_MIB)
    }
    assert mib.keys() == LINES.keys()
    assert over == {}


def _patient(hospital: Hospital) -> dict[str, object]:
    """A patient with one identifier."""
    patient = hospital.first("Patient")
    patient["identifier"] = [one for one in patient["identifier"] if one["use"] == "usual"]
    patient["meta"] = {"profile": ["https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient"]}
    return patient


def _venue(hospital: Hospital) -> dict[str, object]:
    """A venue that nothing has happened to yet."""
    venue = hospital.first("Encounter", "ven-")
    kept = ("resourceType", "id", "meta", "class", "subject")
    identifier = next(one for one in venue["identifier"] if one.get("use") == "official")
    announced = {"status": "cancelled", "period": {"start": "2026-01-10T18:00:00+01:00"}}
    return {name: venue[name] for name in kept} | announced | {"identifier": [identifier]}
