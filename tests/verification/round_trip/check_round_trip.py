"""Shows that what was exported can be imported elsewhere, and is then exported the same, byte for byte."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fhir_reading.hospital_rows import ej_rows
from fhir_reading.valid import valid
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Format
from fhirexport_server.domain.imports import ImportSummary
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.hospitals import hospitals, random_hospitals
from support.importing import Exported, exported, import_bundle, import_lines, load_rows

BACKENDS = ("sqlite", "postgresql")
PAIRS = [(source, target) for source in BACKENDS for target in BACKENDS]


async def _import_all(url: str, exports: dict[int, Exported]) -> ImportSummary:
    """Imports each EJ by itself; returns what it came to in all."""
    summaries = [await import_lines(url, b"".join(of_ej)) for of_ej in exports.values()]
    assert [summary.problems for summary in summaries if summary.errors] == []
    return ImportSummary(
        created=sum(one.created for one in summaries),
        updated=sum(one.updated for one in summaries),
        unchanged=sum(one.unchanged for one in summaries),
        revisions=tuple(token for one in summaries for token in one.revisions),
    )


def _count(exports: dict[int, Exported]) -> int:
    return sum(export.count(b"\n") for of_ej in exports.values() for export in of_ej)


async def _again(url: str, exports: dict[int, Exported]) -> ImportSummary:
    """Imports what is there already: as it was exported, and otherwise, so that every line is read."""
    as_exported = await _import_all(url, exports)
    otherwise = {
        ej_id: Exported(*(export.replace(b'{"resourceType"', b'{ "resourceType"') for export in of_ej))
        for ej_id, of_ej in exports.items()
    }
    assert await _import_all(url, otherwise) == as_exported
    return as_exported


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_the_demo_group_comes_back(
    source: str, target: str, new_database: Callable[[str], str]
) -> None:
    there, here = new_database(source), new_database(target)
    load(there, batches(patients=300))
    exports = await exported(there)

    first = await _import_all(here, exports)

    assert (first.created, first.updated, first.unchanged) == (_count(exports), 0, 0)
    assert await exported(here) == exports
    again = await _again(here, exports)
    assert (again.created, again.updated, again.unchanged) == (0, 0, _count(exports))
    assert again.revisions == ()


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_random_hospitals_come_back(
    source: str, target: str, new_database: Callable[[str], str]
) -> None:
    there, here = new_database(source), new_database(target)
    # Others for each pair: what one database does to a hospital, it does to it as a source and as a target.
    for hospital in random_hospitals(20, seed=f"{source} {target}"):
        for rows in ej_rows(hospital):
            load_rows(there, valid(rows))
    exports = await exported(there)

    await _import_all(here, exports)

    assert await exported(here) == exports
    # Into the database that they came from, they change nothing: neither what they show nor what they do not.
    again = await _again(there, exports)
    assert (again.created, again.updated, again.unchanged) == (0, 0, _count(exports))
    assert again.revisions == ()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hospital=hospitals(), data=st.data())
async def test_any_hospital_comes_back(hospital: object, data: st.DataObject, tmp_path: Path) -> None:
    number = len(list(tmp_path.iterdir()))
    there, here = (f"sqlite:///{tmp_path / f'{number}-{name}.db'}" for name in ("there", "here"))
    for url in (there, here):
        migrate(url)
    for rows in ej_rows(hospital):  # type: ignore[arg-type]  # hypothesis gives batches
        load_rows(there, valid(rows))
    exports = await exported(there)
    # In whatever order the lines come.
    for of_ej in exports.values():
        shuffled = data.draw(st.permutations(b"".join(of_ej).splitlines(keepends=True)))
        summary = await import_lines(here, b"".join(shuffled))
        assert summary.errors == 0

    assert await exported(here) == exports


@pytest.mark.parametrize("wanted", [Format.BUNDLE, Format.TRANSACTION])
@pytest.mark.parametrize("target", BACKENDS)
async def test_bundles_come_back(target: str, wanted: Format, new_database: Callable[[str], str]) -> None:
    there, here = new_database("sqlite"), new_database(target)
    load(there, batches(patients=100))
    exports = await exported(there, wanted)

    for ej_id, of_ej in exports.items():
        structure = await import_bundle(here, of_ej.structure)
        assert {(token.ej_id, token.dataset) for token in structure.revisions} >= {(ej_id, "structure")}
        for other in of_ej[1:]:
            assert (await import_bundle(here, other, ej_id=ej_id)).errors == 0

    assert await exported(here, wanted) == exports
