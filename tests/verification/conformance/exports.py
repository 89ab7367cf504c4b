"""The program of `make conformance`: validates every export of the demo, and of generated hospitals.

The exports are made by the real server and saved by the client library, in every format. The
quick validators check every complete file. Three slow ones check distinct resources: so many that each
element, code, number of repetitions and way of writing is in one of them, or with `--every` all of the
demo's too. Exits with 1 on any error.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from fhirexport import AsyncClient
from fhirexport.models import Format
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from fhirexport_server.telemetry import logs
from rich.console import Console
from rich.table import Table
from support.hospitals import random_hospitals
from support.server import running_server
from verification.conformance.collection import Collection, Group, Tally
from verification.conformance.validator import FAST, SLOW, Complaint, NotTrustedError, Validator, find

ROOT = Path(__file__).parents[3]
BASE_URL = "https://hapi.fhir.example/r4"
FORMATS: tuple[Format, ...] = ("bundle", "transaction", "ndjson")
DATASETS = ("structure", "patients", "venues", "venues+movements")
SHOWN = 40
_console = Console()


async def collected(source: str, directory: Path, data: Iterable[Iterable[Batch]]) -> Collection:
    """Loads the data into a new database and saves every export of every EJ in it."""
    collection = Collection(directory)
    url = _database(directory, data)
    async with (
        running_server(url, base_url=BASE_URL, cache_enabled=False) as address,
        AsyncClient(address) as client,
    ):
        ej_ids = [entity.ej_id async for entity in client.entities()]
        for ej_id in ej_ids:
            for dataset in DATASETS:
                await _save(client, collection, source, ej_id, dataset)
    return collection


def _database(directory: Path, data: Iterable[Iterable[Batch]]) -> str:
    directory.mkdir()
    url = f"sqlite:///{directory / 'hospital.db'}"
    migrate(url)
    for hospital in data:
        load(url, hospital)
    return url


async def _save(client: AsyncClient, collection: Collection, source: str, ej_id: int, dataset: str) -> None:
    exports = {
        "structure": lambda: client.structure(ej_id),
        "patients": lambda: client.patients(ej_id),
        "venues": lambda: client.venues(ej_id),
        "venues+movements": lambda: client.venues(ej_id, movements=True),
    }
    contents = set()
    for layout in FORMATS:
        path = collection.directory / f"{dataset}-{ej_id}-{layout}.json"
        await exports[dataset]().save(path, layout)
        contents.add(collection.add(Group(source, dataset, layout), path))
    if len(contents) > 1:
        raise ValueError(f"{dataset} of EJ {ej_id}: the formats do not hold the same resources")


async def checked(validator: Validator, collection: Collection, *, every: bool) -> list[Complaint]:
    """Returns what the validators have against a collection, and counts it in its tallies."""
    whole = await validator.complaints(FAST, list(collection.whole))
    for complaint in whole:
        collection.tallies[collection.whole[complaint.file]].errors += 1
    parts, short = collection.parts(every=every), collection.shortened()
    sampled = await validator.complaints(SLOW, [*parts, *short])
    for complaint in sampled:
        for group in _groups(complaint, parts, short):
            collection.tallies[group].errors += 1
    return whole + sampled


def _groups(
    complaint: Complaint, parts: dict[Path, list[set[Group]]], short: dict[Path, Group]
) -> Iterable[Group]:
    if complaint.file in short:
        return (short[complaint.file],)
    owners = parts[complaint.file]
    return owners[complaint.entry] if complaint.entry is not None else set().union(*owners)


def _report(tallies: dict[Group, Tally], complaints: list[Complaint], known_false: int) -> None:
    table = Table("exports of", "dataset", "format")
    for title in ("files", "resources", "errors"):
        table.add_column(title, justify="right")
    for group, tally in tallies.items():
        table.add_row(*group, f"{tally.files:,}", f"{tally.resources:,}", f"{tally.errors:,}")
    _console.print(table)
    if known_false:
        _console.print(f"{known_false:,} errors left out that are known to be false (see validator.py)")
    for complaint in complaints[:SHOWN]:
        _console.print(
            f"{complaint.tool}: {complaint.file.name} {complaint.path}: {complaint.text}", markup=False
        )
    if len(complaints) > SHOWN:
        _console.print(f"… and {len(complaints) - SHOWN:,} more")


async def run(command: Path, patients: int, hospitals: int, *, every: bool) -> bool:
    """Checks everything; returns whether nothing was found."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fhirexport-conformance-") as name:
        directory = Path(name)
        validator = Validator(command, directory)
        await validator.prove()
        demo = await collected("the demo", directory / "demo", [batches(patients=patients)])
        complaints = await checked(validator, demo, every=every)
        drawn = await collected(f"{hospitals} hospitals", directory / "drawn", random_hospitals(hospitals))
        complaints += await checked(validator, drawn, every=False)
    _report(demo.tallies | drawn.tallies, complaints, validator.known_false)
    _console.print(f"{len(complaints):,} errors; {time.monotonic() - start:.0f} s")
    return not complaints


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=1000, help="of the demo (default: %(default)s)")
    parser.add_argument("--hospitals", type=int, default=60, help="to generate (default: %(default)s)")
    parser.add_argument(
        "--every", action="store_true", help="check each resource of the demo, for ten minutes"
    )
    arguments = parser.parse_args()
    logs.configure("WARNING", None)
    try:
        command = find(ROOT)
        if command is None:
            _console.print("validator not here: nothing checked")
            return 0
        checks = run(command, arguments.patients, arguments.hospitals, every=arguments.every)
        return 0 if asyncio.run(checks) else 1
    except NotTrustedError as error:
        _console.print(f"the validator does not work: {error}", markup=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
