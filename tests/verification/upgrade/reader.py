"""Readers: strict exports through the client library, of whichever server it calls, each checked."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from time import monotonic
from uuid import uuid4

from fhirexport import AsyncClient, ExportError
from verification.upgrade.rows import EJ_ID, KEPT
from verification.upgrade.writer import Ledger

TIMEOUT = 30.0
"""How long a read may take, in seconds."""
_MARK = re.compile(rb"UPGRADE-(\d+)-(\d+)")
_LIVES = {"venues": KEPT, "patients": 1}
"""By dataset that is read, how many of a writer's transactions it shows."""
_NOTHING: Mapping[int, frozenset[int]] = {}


@dataclass(frozen=True)
class Read:
    """An export that was asked for, and what came of it."""

    dataset: str
    start: float
    end: float
    request_id: str
    """The id of its last call, by which the server that has answered is found."""
    shown: Mapping[int, frozenset[int]]
    """By writer, the transactions whose marks it has."""
    failure: str = ""


def problems(read: Read, ledgers: Sequence[Ledger]) -> list[str]:
    """Return what is wrong with an answer: what it lacks that was committed before it, or has otherwise."""
    found = []
    for ledger in ledgers:
        writer = ledger.stay.writer
        shown = read.shown.get(writer, frozenset())
        last, floor = max(shown, default=0), ledger.acknowledged(read.start)
        if last < floor:
            found.append(f"stale: {read.dataset} have transaction {last} of writer {writer}, lack {floor}")
        if last > ledger.begun(read.end):
            found.append(f"wrong: {read.dataset} have transaction {last} of writer {writer}, never begun")
        if shown != frozenset(range(max(1, last - _LIVES[read.dataset] + 1), last + 1)):
            found.append(f"wrong: {read.dataset} have {sorted(shown)} of writer {writer}")
    return found


def shown(content: bytes) -> Mapping[int, frozenset[int]]:
    """Return the marks in some bytes."""
    found: dict[int, set[int]] = defaultdict(set)
    for writer, number in _MARK.findall(content):
        found[int(writer)].add(int(number))
    return {writer: frozenset(numbers) for writer, numbers in found.items()}


@asynccontextmanager
async def reading(target: str, readers: int, pause: float) -> AsyncIterator[list[Read]]:
    """Have readers until the end of the context, each with a client of its own.

    Args:
        target: The addresses of all servers, as clients name them.
        readers: How many.
        pause: How long each waits between two reads, in seconds.
    """
    reads: list[Read] = []
    end = asyncio.Event()

    async def read() -> None:
        ids: list[str] = []

        def metadata() -> Mapping[str, str]:
            ids.append(str(uuid4()))
            return {"x-request-id": ids[-1]}

        async with AsyncClient(target, metadata=metadata, timeout=TIMEOUT) as client:
            for dataset in cycle(_LIVES):
                if end.is_set():
                    return
                start, marks, failure = monotonic(), _NOTHING, ""
                export = (
                    client.patients(EJ_ID) if dataset == "patients" else client.venues(EJ_ID, movements=True)
                )
                try:
                    marks = shown(await export.read("ndjson"))
                except ExportError as error:
                    failure = f"{error.code.name} {error.reason or error.message}"
                reads.append(Read(dataset, start, monotonic(), ids[-1], marks, failure))
                await asyncio.sleep(pause)

    async with asyncio.TaskGroup() as group:
        for _ in range(readers):
            group.create_task(read())
        try:
            yield reads
        finally:
            end.set()
