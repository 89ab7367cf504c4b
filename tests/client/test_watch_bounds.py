"""Shows what a watch refuses, keeps and waits for, without a server."""

from datetime import UTC, datetime

import pytest
from fhirexport import (
    Client,
    ExportRevision,
    UnavailableError,
)
from fhirexport.v1.export_service_pb2 import WatchExportsResponse
from fhirexport.watches.following import Following, Untold, watching


def test_no_dataset_but_the_three_can_be_watched() -> None:
    with Client("localhost:1") as client, pytest.raises(ValueError, match="there is no dataset 'beds'"):
        client.watch(1, "beds")  # type: ignore[arg-type]  # wrong on purpose


def test_what_is_named_twice_is_watched_once() -> None:
    request = watching([2, 1, 2], ("venues", "venues"), ())
    assert [(wanted.ej_id, wanted.dataset) for wanted in request.exports] == [(2, 3), (1, 3)]


def test_of_what_waits_the_latest_is_told_in_the_order_of_arrival() -> None:
    untold = Untold()
    now = datetime.now(UTC)
    untold.put([ExportRevision(1, "patients", "a", now), ExportRevision(1, "venues", "b", now)])
    untold.put([ExportRevision(1, "patients", "c", now)])
    taken = [untold.take(), untold.take(), untold.take()]
    assert [revision and revision.revision for revision in taken] == ["c", "b", None]


def test_a_server_that_ends_each_watch_at_once_is_given_up() -> None:
    following = Following(watching(1, (), ()))
    with pytest.raises(UnavailableError):
        for _ in range(10):
            assert following.delay() > 0


def test_waits_grow_and_have_a_bound() -> None:
    following = Following(watching(1, (), ()))
    following.accept(WatchExportsResponse())
    waits = [following.delay(UnavailableError("away")) for _ in range(2000)]
    assert waits[0] < 0.11
    assert 2.5 <= max(waits) <= 5
    assert min(waits[10:]) >= 2.5
