"""Shows that mirrors are whole, or as they were, while servers, Redis, connections and programs die."""

from pathlib import Path
from random import Random

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.valkey import running_valkey
from verification.mirror.syncs import synced

SYNCS = 120


@pytest.mark.timeout(900)
async def test_each_sync_ends_as_it_must(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load(database_url, batches(patients=300))
    with running_valkey() as valkey:
        tally = await synced(database_url, valkey, tmp_path, SYNCS, Random(1))
    with capsys.disabled():
        print(f"\n{database_url.partition(':')[0]}: {tally}")  # noqa: T201 - how much was broken is worth knowing
    assert tally.wrong == []
    assert tally.compared >= SYNCS
    assert tally.changed > SYNCS / 10
