"""Shows that nothing of a patient comes out of a server or its command but in exports, whatever fails."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from support.importing import Exported
from support.valkey import Valkey
from verification.canaries.flight import Flight
from verification.canaries.patients import STEMS, canaries
from verification.canaries.searching import Search


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_no_canary_comes_out_but_in_exports(
    backend: str,
    new_database: Callable[[str], str],
    small_exports: dict[int, Exported],
    own_valkey: Valkey,
    tmp_path: Path,
) -> None:
    birds = canaries(*small_exports[1])
    url = await asyncio.to_thread(new_database, backend)
    flight = Flight(tmp_path, birds, url, own_valkey)
    await flight.fly()
    search = Search(STEMS)
    assert {(where, found) for where, content in flight.out for found in search.find(content)} == set()
    found = {one.partition(" in ")[0] for one in search.find(b"".join(flight.exported))}
    assert found == set(STEMS)
