"""Prints whether the modules that are imported are compiled, and digests of what they export and import.

Run it with compiled modules and without: `python -m verification.compiled.digest DIRECTORY`.
"""

import asyncio
import sys
from hashlib import sha256
from itertools import product
from pathlib import Path

from fhirexport_server.admin.build_facts import build_facts
from fhirexport_server.demo.group import batches
from fhirexport_server.domain.datasets import Detail, Format
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.importing import exported, import_lines

PATIENTS = 60


async def _exported(url: str) -> tuple[str, bytes]:
    """Return the digest of all exports of a database, in each layout and detail, and its EJ 1 as NDJSON."""
    digest = sha256()
    first = b""
    for layout, detail in product(Format, Detail):
        for ej_id, export in sorted((await exported(url, layout, detail)).items()):
            for content in export:
                digest.update(content)
            if (ej_id, layout, detail) == (1, Format.NDJSON, Detail.MOVEMENTS):
                first = b"".join(export)
    return digest.hexdigest(), first


async def _imported(url: str, content: bytes) -> str:
    """Import NDJSON into an empty database; return what is said, and the digest of its exports."""
    summary = await import_lines(url, content)
    digest, _ = await _exported(url)
    return f"{summary.created}+{summary.updated} problems {len(summary.problems)} {digest}"


def main() -> None:
    """Print the lines."""
    directory = Path(sys.argv[1])
    urls = [f"sqlite:///{directory / name}.db" for name in ("group", "empty")]
    for url in urls:
        migrate(url)
    load(urls[0], batches(patients=PATIENTS))
    sys.stdout.write(f"{dict(build_facts())['modules']}\n")
    digest, content = asyncio.run(_exported(urls[0]))
    sys.stdout.write(f"{digest}\n{asyncio.run(_imported(urls[1], content))}\n")


if __name__ == "__main__":
    main()
