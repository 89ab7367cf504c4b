"""Owns what the tests of imports share: a small hospital, imported into a database of one's own."""

import asyncio
import json
from collections.abc import Callable

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from imports.hospital import Hospital, Resource
from support.databases import BACKENDS, Databases
from support.importing import Exported, exported, import_lines


@pytest.fixture(scope="session")
def small_exports(new_database: Callable[[str], str]) -> dict[int, Exported]:
    """The exports of a group of 30 patients, by EJ."""
    url = new_database("sqlite")
    load(url, batches(patients=30))
    return asyncio.run(exported(url))


@pytest.fixture(params=BACKENDS)
def hospital(
    request: pytest.FixtureRequest,
    databases: Databases,
    small_exports: dict[int, Exported],
) -> Hospital:
    """That EJ, imported, on either backend: it is one's own."""

    content = b"".join(small_exports[1])

    def fill(url: str) -> None:
        summary = asyncio.run(import_lines(url, content))
        assert summary.problems == ()

    url = databases.copy(request.param, "hospital", fill)
    resources: list[Resource] = [json.loads(line) for line in content.splitlines()]
    return Hospital(url, {resource["id"]: resource for resource in resources})
