"""Shows that what was exported can be imported elsewhere, and is then exported the same, byte for byte."""

from collections.abc import Callable

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.importing import exported, import_lines, lines

BACKENDS = ("sqlite", "postgresql")


@pytest.mark.parametrize("target", BACKENDS)
@pytest.mark.parametrize("source", BACKENDS)
async def test_the_demo_group_comes_back(
    source: str, target: str, new_database: Callable[[str], str]
) -> None:
    there, here = new_database(source), new_database(target)
    load(there, batches(patients=300))
    exports = await exported(there)

    for of_ej in exports.values():
        summary = await import_lines(here, lines(of_ej))
        assert summary.errors == 0
        assert summary.created == sum(export.count(b"\n") for export in of_ej)

    assert await exported(here) == exports
