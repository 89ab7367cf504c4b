"""Shows that a mirror offers exactly what has changed, until somebody has taken it."""

import json
from pathlib import Path

import pytest
from fhirexport import Change, Client
from fhirexport.testing import FakeServer
from support.mirroring import NINE, Mirrored, patients, told


async def test_it_offers_what_has_changed(mirror: Mirrored, server: FakeServer) -> None:
    first = await mirror.take()
    assert first.whole
    assert [change.resource for change in first.changes] == NINE
    new = [NINE[0], *patients(2, active=True), *NINE[4:8], *patients(10, 11)]
    server.put(1, "patients", new)
    taken = await mirror.take()
    assert not taken.whole
    assert told(taken.changes) == ["+pat-2", "-pat-3", "-pat-4", "-pat-9", "+pat-10", "+pat-11"]
    assert [change.resource for change in taken.changes if not change.is_gone] == [new[1], *new[6:]]
    assert {change.type for change in taken.changes} == {"Patient"}
    assert (await mirror.take()).changes == []


async def test_resources_that_move_have_not_changed(mirror: Mirrored, server: FakeServer) -> None:
    await mirror.update()
    server.put(1, "patients", [*patients(100), *reversed(NINE)])
    taken = await mirror.take()
    assert taken.update.received_segments == 5
    assert told(taken.changes) == ["+pat-100"]


async def test_changes_come_again_until_they_are_handled(mirror: Mirrored, server: FakeServer) -> None:
    async def fail(_: list[Change]) -> None:
        raise ZeroDivisionError

    await mirror.update()
    before = await mirror.read()
    server.put(1, "patients", NINE[1:])
    with pytest.raises(ZeroDivisionError):
        await mirror.take(fail)
    assert await mirror.read() == before
    # What came is still of use.
    taken = await mirror.take()
    assert (told(taken.changes), taken.update.received_segments) == (["-pat-1"], 0)
    assert await mirror.read() == await mirror.export()


async def test_changes_that_were_not_all_taken_come_again(server: FakeServer, tmp_path: Path) -> None:
    with Client(server.address) as client:
        mirror = client.mirror(1, "patients", tmp_path / "mirror")
        with mirror.changes() as changes:
            next(iter(changes))
        with pytest.raises(FileNotFoundError):
            mirror.read()
        with mirror.changes() as changes:
            assert len(list(changes)) == 9
        assert len(list(mirror)) == 9


def test_a_change_is_not_printed_with_its_content() -> None:
    change = Change("Patient", "pat-1", json.dumps(NINE[0]).encode())
    assert "content" not in repr(change)
    assert change.resource == NINE[0]
