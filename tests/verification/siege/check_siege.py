"""Shows, for a few seconds, that attackers take nothing from others, but for time, which is not asserted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.valkey import Valkey
from verification.siege.observed import verdicts
from verification.siege.siege import Options, besieged

SECONDS = 1.0
ATTACKS_SHOWN = ("gzipped", "fuzz")


@pytest.mark.parametrize("guarded", [False, True])
async def test_attackers_take_nothing_from_others(
    new_database: Callable[[str], str], valkey: Valkey, tmp_path: Path, *, guarded: bool
) -> None:
    url = new_database("sqlite")
    load(url, batches(patients=60))
    options = Options(
        seconds=SECONDS, quiet_seconds=0.2, seed=1, pause=0.01, guarded=guarded, attacks=ATTACKS_SHOWN
    )
    told: list[str] = []

    siege = await besieged(tmp_path, url, valkey.url, options, told.append)

    assert told == ["quiet", *ATTACKS_SHOWN]
    assert siege.log_errors == []
    found = [
        (observed.attack, verdict.name, verdict.says)
        for observed in siege.attacks
        for verdict in verdicts(observed, siege.quiet, options.bounds)
        if not verdict.is_timed and not verdict.holds
    ]
    assert found == []
