"""Keep the venues of a legal entity in a SQLite database of one's own, as they change.

    python examples/mirror.py EJ_ID DIRECTORY [UPDATES]

The server is FHIREXPORT_ADDRESS, localhost:50051 if left out. It ends after so many updates; without a
number, never. What is transferred is what has changed. When the program or the server is killed, the next run
goes on from there: changes are told again until they have been taken, and taking one twice does no harm.
"""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from fhirexport import Client

SCHEMA = "CREATE TABLE IF NOT EXISTS encounter (id TEXT PRIMARY KEY, resource TEXT NOT NULL)"


def main(ej_id: int, directory: Path, updates: int | None) -> None:
    """Bring the copy up to date whenever the server tells of another revision."""
    directory.mkdir(parents=True, exist_ok=True)
    address = os.environ.get("FHIREXPORT_ADDRESS", "localhost:50051")
    with closing(sqlite3.connect(directory / "venues.db")) as database, Client(address) as client:
        database.execute(SCHEMA)
        mirror = client.mirror(ej_id, "venues", directory / "mirror")
        for number, _ in enumerate(client.watch(ej_id, "venues"), 1):
            # First the database, then the mirror: what is killed in between is told again.
            with mirror.changes() as changes, database:
                if changes.whole:
                    database.execute("DELETE FROM encounter")
                upserts = gone = 0
                for change in changes:
                    if change.content is None:
                        database.execute("DELETE FROM encounter WHERE id = ?", (change.id,))
                        gone += 1
                    else:
                        row = (change.id, change.content.decode())
                        database.execute("INSERT OR REPLACE INTO encounter VALUES (?, ?)", row)
                        upserts += 1
            print(f"{upserts} new or changed, {gone} gone", flush=True)
            if number == updates:
                return


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)  # noqa: PLR2004 - the third
