"""Shows that every watcher is told of every commit, and that more watchers are not more queries."""

import time
from pathlib import Path

from fhirexport_server.demo.group import batches
from fhirexport_server.settings import Settings
from fhirexport_server.store.loader import load
from verification.watches.measuring import Commit, delays, measured, serving

COMMITS = 4
INTERVAL = Settings.model_fields["watch_interval"].default


async def test_every_watcher_is_told_and_queries_do_not_grow(database_url: str, tmp_path: Path) -> None:
    load(database_url, batches(patients=60))
    for watchers in (1, 60):
        async with serving(database_url, tmp_path) as server:
            begun = time.monotonic()
            course = await measured(database_url, server, watchers, commits=COMMITS, pause=(0.0, 0.5))
            elapsed = time.monotonic() - begun
        assert (len(course.delays), course.untold) == (COMMITS * watchers, 0)
        assert 0 < course.lookups <= elapsed / INTERVAL + 1


def test_what_is_never_told_is_counted() -> None:
    made = [Commit("a", 1.0), Commit("b", 2.0), Commit("c", 3.0)]
    told = [
        [("x", 0.0), ("a", 1.5), ("b", 2.5), ("c", 3.5)],
        [("x", 0.0), ("b", 2.25)],  # the first with the second, the third never
    ]
    assert delays(made, told) == ([0.5, 0.5, 0.5, 1.25, 0.25], 1)
