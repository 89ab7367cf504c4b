"""A process that imports more and more, and reports how much it has grown, for `check_imports.py`."""

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator

from fhirexport_server.domain.imports import ImportOptions
from support.importing import importing

LINES = 500


async def pieces(template: str, first: int, count: int) -> AsyncIterator[bytes]:
    """Yields so many patients and venues, a few hundred lines at a time, made as they are asked for."""
    patient, venue = json.loads(template)
    for start in range(first, first + count, LINES):
        lines = []
        for number in range(start, min(start + LINES, first + count)):
            patient["id"] = f"pat-{number}"
            patient["identifier"][0]["value"] = f"IPP-{number}"
            venue["id"] = f"ven-{number}"
            venue["identifier"][0]["value"] = f"V-{number}"
            venue["subject"]["reference"] = f"Patient/pat-{number}"
            lines += [json.dumps(patient), json.dumps(venue)]
        yield ("\n".join(lines) + "\n").encode()


async def main(url: str, template: str, few: int, many: int) -> None:
    """Imports a few, then many; prints by how many KiB the process was larger at most during the second."""
    async with importing(url) as importer:
        options = ImportOptions(ej_id=1)
        first = await importer.resources(pieces(template, 1_000_000, few), options)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        second = await importer.resources(pieces(template, 2_000_000, many), options)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (first.errors, second.errors) == (0, 0), second.problems[:3]
    assert (first.created, second.created) == (2 * few, 2 * many)
    print(grown)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
