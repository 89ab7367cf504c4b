"""Imports FR Core's own examples, for `make conformance`: each is accepted, or refused for what it lacks.

The examples are read from the package of FR Core 2.2.0 that lies beside the validators. They are all sent in
one import, through the real server. Exits with 1 when one of them is not answered as expected.
"""

import asyncio
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fhirexport import AsyncClient
from fhirexport_server.store.migrate import migrate
from rich.console import Console
from rich.table import Table
from support.server import running_server, wait_for_health
from verification.conformance.validator import NotTrustedError, find

ROOT: Final = Path(__file__).parents[3]
PACKAGE: Final = "frcore-2.2.0.tgz"
TYPES: Final = ("Organization", "Location", "Patient", "Encounter")
# Why the others are refused: the elements that errors are told of.
REFUSED: Final = {
    # Without a patient, it is nobody's stay.
    "FRCoreEncounterExample": {"Encounter.subject"},
    # They have no number.
    "hopitaltest-endocrino-ch04": {"Location.identifier"},
    "hopitaltest-endocrino-ch04-litF": {"Location.identifier"},
    "hopitaltest-salle-examen-01": {"Location.identifier"},
    # No type says which kind of place it is.
    "loc-radiologie-z": {"Location.type"},
    # A legal entity without its FINESS number.
    "FRCoreOrganizationExample": {"Organization.identifier"},
    # By its type a legal entity, it has the FINESS number of a site.
    "hopitaltest-eg-4-members": {"Organization.identifier"},
    # Its only number is a matricule without its key.
    "FRCorePatientExample": {"Patient.identifier"},
}


def examples(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the examples of the types that can be imported: id and JSON, on one line."""
    with tarfile.open(package) as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            path = Path(member.name)
            file = archive.extractfile(member) if path.parent.name == "example" else None
            if file is not None and path.name.partition("-")[0] in TYPES:
                resource = json.loads(file.read())
                yield resource["id"], json.dumps(resource, ensure_ascii=False).encode()


async def imported(lines: list[bytes], directory: Path) -> tuple[int, dict[int, set[str]]]:
    """Imports lines into an empty database; returns how many were written, and the errors of the others."""
    url = f"sqlite:///{directory / 'examples.db'}"
    migrate(url)
    async with running_server(url, cache_enabled=False) as address, AsyncClient(address) as client:
        await wait_for_health(address)
        summary = await client.imports.resources(b"\n".join(lines))
    errors: dict[int, set[str]] = {}
    for problem in summary.problems:
        if problem.severity == "error":
            errors.setdefault(problem.entry_index, set()).add(problem.expression)
    return summary.created_count, errors


def main() -> int:
    """Runs the check; returns the exit status."""
    console = Console()
    try:
        validator = find(ROOT)
    except NotTrustedError as error:
        console.print(str(error))
        return 1
    package = None if validator is None else validator.parents[1] / PACKAGE
    if package is None or not package.is_file():
        console.print("FR Core's package is not here: its examples were not imported")
        return 0
    found = list(examples(package))
    with tempfile.TemporaryDirectory() as directory:
        created, errors = asyncio.run(imported([content for _, content in found], Path(directory)))
    table = Table("example", "answer", "as expected")
    wrong = 0
    for place, (name, _) in enumerate(found):
        got = errors.get(place, set())
        is_right = got == REFUSED.get(name, set())
        wrong += not is_right
        table.add_row(name, ", ".join(sorted(got)) or "imported", "yes" if is_right else "NO")
    console.print(table)
    whole = created == len(found) - len(errors) and set(REFUSED) <= {name for name, _ in found}
    console.print(f"{created} of {len(found)} examples imported, {wrong} not answered as expected")
    return 0 if whole and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
