"""Shows that upserts and tombstones are the difference of two full exports, for any two of them."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from fhirexport import Change, Client
from fhirexport._internal.mirroring import comparison, segment_files
from fhirexport.testing import FakeServer
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from support.examples import examples
from support.mirroring import Resource, difference

ITEMS = st.dictionaries(st.integers(1, 60), st.integers(0, 2), max_size=60)
"""The numbers and the versions of resources."""
SOME = examples(60, HealthCheck.function_scoped_fixture)


def _resources(items: dict[int, int], *, ordered: bool = True) -> list[Resource]:
    numbers = sorted(items) if ordered else items
    return [{"resourceType": "Patient", "id": f"pat-{n}", "version": items[n]} for n in numbers]


def _moved(plan: dict[int, tuple[int, int]]) -> list[Resource]:
    """Returns venues, each with its movements: of a movement's number, its venue and its version."""
    resources: list[Resource] = []
    for venue in sorted({venue for venue, _ in plan.values()}):
        resources.append({"resourceType": "Encounter", "id": f"ven-{venue}"})
        resources += [
            {"resourceType": "Encounter", "id": f"mvt-{number}", "version": version}
            for number, (place, version) in sorted(plan.items())
            if place == venue
        ]
    return resources


def _applied(before: list[Resource], changes: list[Change]) -> dict[tuple[str, str], Any]:
    """Returns what somebody has who does what the changes say, one after the other."""
    held: dict[tuple[str, str], Any] = {(each["resourceType"], each["id"]): each for each in before}
    for change in changes:
        if change.is_gone:
            del held[change.type, change.id]
        else:
            held[change.type, change.id] = change.resource
    return held


def _changes(old: list[Resource], new: list[Resource], chunk: int, segment: int) -> list[Change]:
    """Returns what an update offers."""
    with (
        FakeServer(chunk_resources=chunk, segment_chunks=segment) as server,
        Client(server.address) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        mirror = client.mirror(1, "patients", Path(folder) / "mirror")
        server.put(1, "patients", old)
        mirror.update()
        server.put(1, "patients", new)
        with mirror.changes() as changes:
            taken = list(changes)
            assert not changes.whole
        assert list(mirror) == new
        assert mirror.verify()
    return taken


@pytest.fixture(params=[100_000, 3], ids=["in memory", "in files"], autouse=True)
def _bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compares all at once, or a few at a time, with segments that are read twice."""
    monkeypatch.setattr(comparison, "_IN_MEMORY", request.param)
    if request.param == 3:
        monkeypatch.setattr(segment_files, "_IN_MEMORY_BYTES", 100)
        monkeypatch.setattr(segment_files, "_RUN_BYTES", 70)


@pytest.mark.long
@SOME
@given(ITEMS, ITEMS, st.integers(1, 9), st.integers(1, 3))
def test_changes_are_the_difference_of_two_exports(
    old: dict[int, int], new: dict[int, int], chunk: int, segment: int
) -> None:
    before, after = _resources(old), _resources(new)
    changes = _changes(before, after, chunk, segment)
    assert [(change.type, change.id, change.resource) for change in changes] == difference(before, after)


@pytest.mark.long
@SOME
@given(ITEMS, ITEMS, st.integers(1, 9))
def test_what_changes_its_place_is_not_taken_for_gone(
    old: dict[int, int], new: dict[int, int], chunk: int
) -> None:
    before, after = _resources(old, ordered=False), _resources(new, ordered=False)
    changes = _changes(before, after, chunk, 1)
    assert _applied(before, changes) == _applied(after, [])
    upserts = [change.resource for change in changes if not change.is_gone]
    changed = {number for number in new if old.get(number) != new[number]}
    assert upserts == [each for each in after if int(each["id"][4:]) in changed]
    assert len(changes) == len(changed) + len(old.keys() - new.keys())


PLANS = st.dictionaries(st.integers(1, 30), st.tuples(st.integers(1, 8), st.integers(0, 1)), max_size=30)


@pytest.mark.long
@SOME
@given(PLANS, PLANS, st.integers(1, 6))
def test_movements_may_go_from_venue_to_venue(
    old: dict[int, tuple[int, int]], new: dict[int, tuple[int, int]], chunk: int
) -> None:
    before, after = _moved(old), _moved(new)
    changes = _changes(before, after, chunk, 1)
    assert _applied(before, changes) == _applied(after, [])
    assert len({(change.type, change.id) for change in changes}) == len(changes)
