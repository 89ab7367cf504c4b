"""Shows that a server that is killed in the middle of an import leaves all of it or nothing."""

import asyncio
import random
import sys
from pathlib import Path

from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from support.valkey import Valkey
from verification.kills.aim import Aim, fell
from verification.kills.kills import Place, killed
from verification.kills.watch import Phase, watching

KILLS = 3
WRITER = """
import sys
from fhirexport_server.store.database import Database

with Database.open(sys.argv[1]) as database:
    with database.importing() as writing:
        writing.given_up = True
    print("open", flush=True)
    sys.stdin.readline()
    with database.importing() as writing:
        writing.insert("ej", ("id", "finess", "name"), [(7, "750000018", "a")])
        print("written", flush=True)
        sys.stdin.readline()
    print("committed", flush=True)
    sys.stdin.readline()
"""
"""A process that writes, a step for each line of its input: locks of its own process are not seen."""


async def test_all_or_nothing(database_url: str, valkey: Valkey, tmp_path: Path) -> None:
    load(database_url, batches(patients=150))

    tally = await killed(Place(database_url, valkey.url, tmp_path), KILLS, random.Random())

    assert (tally.kills, tally.wrong) == (KILLS, 0), tally
    assert sum(tally.fell.values()) == KILLS
    assert {aim for aim, _ in tally.fell} == set(Aim)


async def test_how_far_an_import_has_come_is_seen_from_outside(database_url: str) -> None:
    pipe = asyncio.subprocess.PIPE
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, database_url, stdin=pipe, stdout=pipe
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"open\n"
    with watching(database_url) as watch:
        assert watch.look() == Phase.NOTHING_WRITTEN
        seen = []
        for step in (b"written\n", b"committed\n"):
            writer.stdin.write(b"\n")
            assert await writer.stdout.readline() == step
            seen += [watch.look(), watch.look()]
    await writer.communicate(b"\n")
    assert seen == [Phase.WRITING] * 2 + [Phase.COMMITTED] * 2


def test_what_is_there_afterwards_says_where_a_kill_fell() -> None:
    found = {
        (phase, is_written): fell(phase, is_written=is_written, is_acknowledged=False)
        for phase in (Phase.NOTHING_WRITTEN, Phase.COMMITTING, Phase.COMMITTED)
        for is_written in (False, True)
    }
    assert found == {
        (Phase.NOTHING_WRITTEN, False): Phase.NOTHING_WRITTEN,
        (Phase.NOTHING_WRITTEN, True): Phase.COMMITTING,
        (Phase.COMMITTING, False): Phase.COMMITTING,
        (Phase.COMMITTING, True): Phase.COMMITTING,
        (Phase.COMMITTED, False): Phase.COMMITTING,
        (Phase.COMMITTED, True): Phase.COMMITTED,
    }
    assert fell(Phase.WRITING, is_written=True, is_acknowledged=True) == Phase.ANSWERED
