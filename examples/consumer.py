"""Save the patients of each legal entity as NDJSON, and fetch only what is new the next time.

    python examples/consumer.py DIRECTORY

The server is FHIREXPORT_ADDRESS, localhost:50051 if left out. A file is there whole or not at all; beside
each is the etag of what it holds, so that an export that has not changed is not sent again.
"""

import os
import sys
from pathlib import Path

from fhirexport import Client, ExportError


def main(directory: Path) -> int:
    """Bring the files of a directory up to date; return the exit status."""
    directory.mkdir(parents=True, exist_ok=True)
    failed = 0
    with Client(os.environ.get("FHIREXPORT_ADDRESS", "localhost:50051")) as client:
        for entity in client.entities():
            file, kept = directory / f"{entity.finess}.ndjson", directory / f"{entity.finess}.etag"
            etag = kept.read_text() if kept.exists() and file.exists() else ""
            export = client.patients(entity.ej_id, if_none_match=etag)
            try:
                export.save(file, format="ndjson")
            except ExportError as error:  # the others are worth having all the same
                print(f"{entity.finess}: {error}", file=sys.stderr)
                failed = 1
                continue
            if export.not_modified or export.snapshot is None:
                print(f"{entity.finess}: nothing new")
                continue
            kept.write_text(export.snapshot.etag)
            snapshot = export.snapshot
            print(f"{entity.finess}: {snapshot.resource_count} patients, {snapshot.size_bytes} bytes")
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
