"""Walks through the pages as a stranger does: a fresh clone, an empty home, each page after the other.

From the README's `make demo` on, which makes the environment, everything is typed into one shell, in the
order of the site's navigation, on what `make serve` and `make http` start in the clone. What each page took
is printed, and kept in build/walk.json. check_pages.py tries each page by itself, for who begins there.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from time import monotonic

import pytest
from documentation.own_server import typed_with_a_server, with_programs
from documentation.trying import TRIES, WRITES, Reader, is_tried, rows_of
from documentation.walk import Ports, Visit, cloned, environment, left_running, order
from fhirexport import AsyncClient
from rich.console import Console
from rich.table import Table
from support.documented import ROOT, Block, blocks, pages
from support.server import wait_for_health
from support.terminal import terminal

OWN_SERVERS = {"README.md": "With TLS, tokens and rights", "docs/security.md": "In five minutes"}
"""Sections that start a server of their own in an empty directory; what each says stands on its own."""
MOST = 5
"""The README promises a server with all of that in five commands."""
ANONYMOUS = "env -u FHIREXPORT_TOKEN_FILE fhirexport --tls structure 1"
REFUSED = {"fhirexport --tls patients 1": "ACCESS_DENIED", ANONYMOUS: "CREDENTIALS_MISSING"}
"""What the README says is refused, and how; of any call without the token it says so too."""


def test_the_walk_goes_to_each_page_once() -> None:
    assert sorted(order()) == sorted(pages())
    assert order()[0] == "README.md"


@pytest.mark.timeout(1800)
async def test_a_stranger_gets_through_every_page(tmp_path: Path) -> None:
    clone, home = cloned(tmp_path), tmp_path / "home"
    home.mkdir()
    fresh, ports = environment(home), Ports.free()
    ports.put_into(clone)
    async with terminal(clone, ports.replace, {"FHIREXPORT_ADDRESS": ports.address}, fresh) as shell:
        start = monotonic()
        answer = await shell.type("make demo")
        assert answer.status == 0, answer.printed[-4000:]
        setting_up = monotonic() - start
        async with (
            left_running("make serve", clone, fresh | ports.variables, ports.grpc),
            AsyncClient(ports.address) as client,
        ):
            await wait_for_health(ports.address, service="fhirexport.cache")
            async with left_running("make http", clone, fresh, ports.http):
                reader = Reader(shell, client, clone, clone / "demo.db")
                before = rows_of(reader.database)
                visits = [await _visited(page, reader, fresh, tmp_path) for page in order()]
                assert (rows_of(reader.database) == before) == (not WRITES)
    _shown(setting_up, visits)
    assert sum(visit.typed for visit in visits) > 100


async def _visited(page: str, reader: Reader, fresh: Mapping[str, str], directory: Path) -> Visit:
    """Type everything of a page; return what it took."""
    start, typed, elsewhere = monotonic(), 0, 0
    for block in blocks(page):
        if is_tried(block):
            await TRIES[block.language](block, reader)
            typed += len(block.commands) or 1
        elif not _is_own(block):
            elsewhere += 1
    typed += await _own_servers(page, with_programs(fresh, reader.directory / ".venv/bin"), directory)
    words = len((ROOT / page).read_text().split())
    return Visit(page, typed, elsewhere, round((monotonic() - start) / 60, 2), words)


def _is_own(block: Block) -> bool:
    return block.language == "text" and block.section == OWN_SERVERS.get(block.page)


async def _own_servers(page: str, programs: Mapping[str, str], directory: Path) -> int:
    """Type the blocks of a page that start a server of their own; the README has one, in two parts."""
    texts = [block.text for block in blocks(page) if _is_own(block)]
    if page == "README.md":
        assert len(texts[0].splitlines()) <= MOST
        texts = ["".join((*texts, ANONYMOUS, "\n"))]
    return sum(
        [
            await typed_with_a_server(text, directory / f"{Path(page).stem}-{number}", programs, REFUSED)
            for number, text in enumerate(texts)
        ]
    )


def _shown(setting_up: float, visits: list[Visit]) -> None:
    """Print what the walk took, and keep it."""
    table = Table(
        title=f"From `make demo` in a fresh clone ({setting_up / 60:.1f} minutes) through every page"
    )
    for heading in ("page", "typed", "blocks tried elsewhere", "minutes", "words"):
        table.add_column(heading, justify="left" if heading == "page" else "right")
    for visit in visits:
        table.add_row(*map(str, asdict(visit).values()))
    Console(width=100).print(table)
    kept = {"setting_up_minutes": round(setting_up / 60, 2), "pages": [asdict(visit) for visit in visits]}
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build/walk.json").write_text(json.dumps(kept, indent=1) + "\n")
