"""Shows that mirrors are whole, or as they were, while servers, Redis, connections and programs die."""

from pathlib import Path
from random import Random

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.valkey import running_valkey
from verification.mirror.syncs import synced

SYNCS = 120
ATTEMPTS = 4
"""How often so many syncs are made, until enough bring a change: writers do little on a busy machine."""


@pytest.mark.timeout(900)
async def test_each_sync_ends_as_it_must(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load(database_url, batches(patients=300))
    changed = 0
    with running_valkey() as valkey:
        for seed in range(ATTEMPTS):
            directory = tmp_path / f"{seed}"
            directory.mkdir()
            tally = await synced(database_url, valkey, directory, SYNCS, Random(seed))
            with capsys.disabled():
                name = database_url.partition(":")[0]
                print(f"\n{name}: {tally}")  # noqa: T201 - how much was broken is worth knowing
            assert tally.wrong == []
            assert tally.compared >= SYNCS
            changed += tally.changed
            if changed > SYNCS / 10:
                return
    pytest.fail(f"only {changed} syncs brought a change: there was too little to be wrong about")
