"""Imports hostile shapes, one after the other, and says how large the process was at most during each.

    python -m verification.growth.hostile --imports 1000 --size 20000

The process gives memory back as a server does. The last line is the verdict. It ends with 1 where an import
took more than the bound.

With `--url`, it imports each shape once into that database, and prints what it took as JSON.
"""

import argparse
import asyncio
import gc
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from fhirexport_server.demo.group import batches
from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.domain.imports import ImportOptions
from fhirexport_server.imports.importer import Importer
from fhirexport_server.runtime.garbage import collect_rarely, collect_where_memory_grows, give_back_early
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.importing import exported, importing
from verification.growth.shapes import LINES, SHORT, Sent, Templates, chunks

BOUND_MIB: Final = 256
"""What one import may take, beside what the process takes after a few small ones."""


_TRIALS: Final = 0.3
"""How many of the imports are only tried."""
SIZES: Final = {"nothing": 30_000, "blank": 30_000, "wide": 8 * SHORT, "identifiers": 2 * SHORT}
"""Of the shapes that take less or more time than the others."""
SIZE: Final = 2100
"""More than one window."""
_TOLD: Final = 100
"""After so many imports, it is said how far it has come."""


class Taken(NamedTuple):
    """One import."""

    shape: str
    size: int
    mib: float
    """By how much the process was larger at most."""
    seconds: float
    answer: str


def _status(name: str) -> float:
    """Return a figure of this process in MiB: `VmRSS` now, `VmHWM` at most."""
    (kib,) = re.findall(rf"^{name}:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(kib) / 1024


async def _sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def taken(
    importer: Importer,
    shape: str,
    sent: Sent,
    *,
    before: float | None = None,
    validate_only: bool = False,
) -> Taken:
    """Import one shape.

    Args:
        importer: What imports it.
        shape: Its name.
        sent: What its lines are made of.
        before: How large the process was, in MiB; as it is now if that is not given.
        validate_only: Whether it is only tried.
    """
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what it is now
    began = time.monotonic()
    before = before or size_now()
    options = ImportOptions(ej_id=1, validate_only=validate_only)
    try:
        summary = await importer.resources(_sent(chunks(LINES[shape](sent))), options)
        answer = f"{summary.created} created, {summary.errors} errors"
    except FhirExportError as error:
        answer = type(error).__name__
    return Taken(shape, sent.size, _status("VmHWM") - before, time.monotonic() - began, answer)


@asynccontextmanager
async def _collected() -> AsyncIterator[None]:
    """Give memory back as a server does."""
    collecting = asyncio.create_task(collect_where_memory_grows())
    try:
        yield
    finally:
        collecting.cancel()


def size_now() -> float:
    """Return how large the process is, in MiB."""
    return _status("VmRSS")


async def templates(url: str) -> Templates:
    """Return what shapes are made of."""
    content = b"".join((await exported(url))[1])
    return Templates.of(map(json.loads, content.splitlines()))


async def run(url: str, imports: int, size: int, seconds: float, random: Random) -> list[Taken]:
    """Import so many random shapes of up to a size, in so many seconds; the first few are not counted."""
    ends = time.monotonic() + seconds
    made = await templates(url)
    results: list[Taken] = []
    async with importing(url, 4 << 30) as importer, _collected():
        for shape in LINES:
            await taken(importer, shape, Sent(made, SHORT - 1, random))
        before = size_now()
        while len(results) < imports and time.monotonic() < ends:
            # Each order of magnitude as often as any other.
            sent = Sent(made, int(size ** random.random()), random)
            shape = random.choice(list(LINES))
            is_trial = random.random() < _TRIALS
            results.append(await taken(importer, shape, sent, before=before, validate_only=is_trial))
            if len(results) % _TOLD == 0:
                most = max(one.mib for one in results)
                sys.stderr.write(f"{len(results)} imports, at most {most:.1f} MiB\n")
    return results


async def each(url: str) -> dict[str, float]:
    """Import each shape once; return what it took, in MiB."""
    made, random = await templates(url), Random(1)
    async with importing(url, 4 << 30) as importer:
        for shape in LINES:
            await taken(importer, shape, Sent(made, SHORT - 1, random))
        return {
            shape: (await taken(importer, shape, Sent(made, SIZES.get(shape, SIZE), random))).mib
            for shape in LINES
        }


def _report(results: list[Taken]) -> int:
    over = [one for one in results if one.mib > BOUND_MIB]
    for shape in LINES:
        of_shape = [one for one in results if one.shape == shape]
        if of_shape:
            most = max(of_shape, key=lambda one: one.mib)
            print(  # noqa: T201 - what the program is for
                f"{shape:15} {len(of_shape):5} imports, at most {most.mib:6.1f} MiB"
                f" ({most.size} lines: {most.answer}), {max(one.seconds for one in of_shape):6.1f} s"
            )
    print(f"{len(results)} imports, {len(over)} over {BOUND_MIB} MiB")  # noqa: T201 - as above
    return int(bool(over))


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--imports", type=int, default=1000)
    parser.add_argument("--size", type=int, default=20_000, help="lines of the largest")
    parser.add_argument("--seconds", type=float, default=3600, help="how long it goes on at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--url", help="import each shape once, into this database")
    given = parser.parse_args()
    give_back_early()
    collect_rarely()
    if given.url:
        print(json.dumps(asyncio.run(each(given.url))))  # noqa: T201 - as above
        return 0
    with TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/hostile.db"
        migrate(url)
        load(url, batches(patients=30))
        return _report(asyncio.run(run(url, given.imports, given.size, given.seconds, Random(given.seed))))


if __name__ == "__main__":
    sys.exit(main())
