"""Shows that what the pages tell people to type does what they say, in the order of the page.

Each page is read as a reader reads it: on what `make serve` starts, with Envoy in front of it as `make http`
starts it, in one shell and one directory. What a block is decides how it is tried: see `TRIES`. A block that
cannot be tried has its reason in `NOT_TRIED`. check_walk.py goes through all pages, one after the other.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from documentation.trying import ELSEWHERE, NOT_TRIED, TRIES, WRITES, Reader, is_excused, is_tried, rows_of
from fhirexport import AsyncClient
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.documented import BIN, ROOT, blocks, pages
from support.envoy import running_envoy
from support.server import make_serve, wait_for_health
from support.terminal import terminal


def _with_blocks() -> list[str]:
    return [page for page in pages() if any(map(is_tried, blocks(page)))]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make serve` fills, made once."""
    file = tmp_path_factory.mktemp("demo") / "demo.db"
    migrate(f"sqlite:///{file}")
    load(f"sqlite:///{file}", batches())
    return file


@asynccontextmanager
async def _reading(directory: Path, demo: Path) -> AsyncIterator[Reader]:
    here, there = directory / "reader", directory / "server"
    there.mkdir()
    shutil.copy(demo, there / "demo.db")
    async with make_serve(there) as server:
        await wait_for_health(server.address, service="fhirexport.cache")
        async with (
            running_envoy(there, server.address) as envoy,
            AsyncClient(server.address) as client,
            terminal(
                here,
                {
                    "localhost:50051": server.address,
                    "localhost:8000": envoy.address,
                    ".venv/bin/": f"{BIN}/",
                },
                {"FHIREXPORT_ADDRESS": server.address},
            ) as shell,
        ):
            yield Reader(shell, client, here, there / "demo.db")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", _with_blocks())
async def test_what_a_page_says_happens(page: str, demo: Path, tmp_path: Path) -> None:
    async with _reading(tmp_path, demo) as reader:
        before = rows_of(reader.database)
        for block in blocks(page):
            if is_tried(block):
                await TRIES[block.language](block, reader)
        after = rows_of(reader.database)
    changed = [table for table, rows in before.items() if rows != after[table]]
    assert bool(changed) == (page in WRITES), (
        f"{page} changes {changed} of the demo group, which its reader would miss: have its examples write"
        " nothing (validate_only), or invented rows that they take away again; or say in the page that it"
        " writes, and put it into WRITES"
    )


@pytest.mark.parametrize("page", pages())
def test_each_block_is_tried_or_has_a_reason(page: str) -> None:
    left = [
        f"{page}:{block.line_no}: ```{block.language} {block.first_line}"
        for block in blocks(page)
        if not is_tried(block) and not is_excused(block)
    ]
    assert left == [], (
        f"nothing tries these blocks. Give each a language that is tried ({', '.join(TRIES)}, yaml;"
        " commands are `console`, with `$ ` before them, and what they print below, `…` for what differs), or"
        " put its first line into NOT_TRIED with the reason"
    )


@pytest.mark.parametrize("page", pages())
def test_yaml_is_yaml(page: str) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            assert yaml.safe_load(block.text)


def test_the_reasons_are_of_blocks_that_are_there() -> None:
    there = {(page, block.first_line) for page in pages() for block in blocks(page)}
    assert [key for key in NOT_TRIED if key not in there] == []
    assert set(ELSEWHERE) | set(WRITES) <= set(pages())


@pytest.mark.parametrize("page", pages())
def test_no_block_is_overlooked(page: str) -> None:
    lines = (ROOT / page).read_text().splitlines()
    fences = [line for line in lines if line.lstrip().startswith(("```", "~~~"))]
    assert len(fences) == 2 * len(blocks(page))
    fenced = {
        block.line_no + number for block in blocks(page) for number in range(len(block.text.splitlines()) + 1)
    }
    indented = [
        number
        for number, (before, line) in enumerate(pairwise(lines), 2)
        if not before.strip() and line.startswith("    ") and number not in fenced
    ]
    assert indented == [], f"lines {indented} of {page} are a block without a fence: give it one"
