"""Shows that a server that is killed in the middle of an import leaves all of it or nothing."""

import random
from pathlib import Path

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from imports.kills import Place, killed
from support.valkey import Valkey

KILLS = 3


async def test_all_or_nothing(database_url: str, valkey: Valkey, tmp_path: Path) -> None:
    load(database_url, batches(patients=150))

    tally = await killed(Place(database_url, valkey.url, tmp_path), KILLS, random.Random())

    assert (tally.kills, tally.wrong) == (KILLS, 0), tally
