"""Shows that nothing is received without its line in the audit trail, whenever the server is killed."""

import random
from pathlib import Path

from support.databases import Databases
from verification.audit.killing import killed

KILLS = 4


async def test_no_byte_without_its_line(databases: Databases, tmp_path: Path) -> None:
    tally = await killed(databases.group("sqlite", 300), tmp_path, KILLS, random.Random())
    assert (tally.kills, tally.wrong) == (KILLS, 0), tally
    assert tally.answered > 0
    assert tally.begun >= tally.answered + tally.cut_off


async def test_a_server_that_does_not_wait_for_its_lines_is_found_out(
    databases: Databases, tmp_path: Path
) -> None:
    url = databases.group("sqlite", 300)
    tally = await killed(url, tmp_path, KILLS, random.Random(), module="verification.audit.careless")
    assert tally.without_line
    assert tally.problems == []
