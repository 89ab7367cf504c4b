"""Owns what the tests of imports share: a small hospital, imported into a database of one's own."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from imports.hospital import Hospital
from support.importing import Exported, exported, import_lines


@pytest.fixture(scope="session")
def small_exports(new_database: Callable[[str], str]) -> dict[int, Exported]:
    """The exports of a group of 30 patients, by EJ."""
    url = new_database("sqlite")
    load(url, batches(patients=30))
    return asyncio.run(exported(url))


@pytest.fixture
async def hospital(database_url: str, small_exports: dict[int, Exported]) -> Hospital:
    """The first EJ of that group, imported."""
    of_ej = small_exports[1]
    summary = await import_lines(database_url, b"".join(of_ej))
    assert summary.problems == ()
    resources: list[dict[str, Any]] = [json.loads(line) for line in b"".join(of_ej).splitlines()]
    return Hospital(database_url, {one["id"]: one for one in resources})
