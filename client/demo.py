"""Run `make demo`: the whole service once round, from an empty directory to a table of exports.

It serves the demo group as `make serve` does, exports the three datasets twice with the client library (from
the database, then from the cache), writes a movement with plain SQL, shows that the next export has it, and
stops the server.
"""

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from fhirexport import Client, Export, ExportError, Snapshot
from fhirexport_server.settings import Settings
from rich.console import Console
from rich.table import Table

EJ_ID = 1
START_SECONDS = 120
NEXT = """\
That was all of it, and its files are gone. Next:

    make serve                          serves the same group on localhost:50051, until Ctrl-C
    .venv/bin/fhirexport entities       in another terminal; README.md goes on from there"""


def main() -> None:
    """Run the demonstration in a directory that is gone afterwards."""
    console = Console(emoji=False)  # or `:v:` in a key becomes a picture
    with tempfile.TemporaryDirectory(prefix="fhirexport-demo-") as name:
        directory = Path(name)
        address = f"127.0.0.1:{_free_port()}"
        with _serving(address, directory) as process, Client(address) as client:
            _wait(client, process, directory)
            for entity in client.entities():
                console.print(f"EJ {entity.ej_id}: {entity.name} (FINESS {entity.finess})")
            console.print("Exporting each dataset twice ...")
            console.print(_exports(client, directory))
            console.print(_kept(client))
            console.print(_written(client, directory / "demo.db"))
    console.print(NEXT, soft_wrap=True)


def _exports(client: Client, directory: Path) -> Table:
    table = Table(title=f"Exports of EJ {EJ_ID}")
    for heading in ("dataset", "source", "resources", "bytes", "milliseconds"):
        table.add_column(heading, justify="left" if heading in ("dataset", "source") else "right")
    for name, export in _wanted(client):
        for _ in ("a miss", "a hit"):
            start = time.perf_counter()
            export.save(directory / f"{name}.json", format="bundle")
            milliseconds = (time.perf_counter() - start) * 1000
            snapshot = _snapshot(export)
            count, size = f"{snapshot.resource_count:,}", f"{snapshot.size_bytes:,}"
            table.add_row(name, snapshot.source, count, size, f"{milliseconds:.0f}")
    return table


def _kept(client: Client) -> Table:
    """List what Valkey holds, for as long as it may."""
    table = Table(title="Kept in Valkey")
    for heading in ("key", "bytes", "seconds left"):
        table.add_column(heading, justify="left" if heading == "key" else "right")
    for entry in sorted(client.cache.entries(), key=lambda entry: entry.key):
        table.add_row(entry.key, f"{entry.size_bytes:,}", f"{entry.ttl.total_seconds():.0f}")
    return table


def _written(client: Client, database: Path) -> Table:
    """Write a discharge with plain SQL, as another program would; return what the next export took."""
    number = f"DEMO-{int(time.time())}"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO movement (ej_id, venue_id, movement_no, started_at, trigger_event)"
            " SELECT ej_id, id, ?, '2026-06-15T08:00:00Z', 'A03' FROM venue WHERE ej_id = ? LIMIT 1",
            (number, EJ_ID),
        )
        connection.commit()
    export = client.venues(EJ_ID, movements=True)
    start = time.perf_counter()
    content = export.read()
    milliseconds = (time.perf_counter() - start) * 1000
    if number.encode() not in content:
        raise SystemExit("the export lacks a movement that was committed before it")
    snapshot = _snapshot(export)
    table = Table(title="After a movement written with plain SQL, which the export has")
    for heading in ("dataset", "source", "resources", "rendered", "milliseconds"):
        table.add_column(heading, justify="left" if heading in ("dataset", "source") else "right")
    count, rendered = f"{snapshot.resource_count:,}", f"{snapshot.rendered_count:,}"
    table.add_row("venues, with movements", snapshot.source, count, rendered, f"{milliseconds:.0f}")
    return table


def _snapshot(export: Export) -> Snapshot:
    if export.snapshot is None:
        raise SystemExit("an export that was read has a snapshot")
    return export.snapshot


def _wanted(client: Client) -> Iterator[tuple[str, Export]]:
    yield "structure", client.structure(EJ_ID)
    yield "patients", client.patients(EJ_ID)
    yield "venues", client.venues(EJ_ID)
    yield "venues, with movements", client.venues(EJ_ID, movements=True)


@contextmanager
def _serving(address: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `make serve` in a directory, whatever settings the user has."""
    environment = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    environment |= {"LISTEN_ADDRESS": address, "METRICS_ADDRESS": "off", "DRAIN_DELAY": "0"}
    program = Path(__file__).with_name("serve.py")
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, program], env=environment, cwd=directory, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _is_setting(name: str) -> bool:
    return name.lower() in Settings.model_fields


def _wait(client: Client, process: subprocess.Popen[bytes], directory: Path) -> None:
    """Wait until the server serves exports."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit((directory / "server.log").read_text())
        with suppress(ExportError):  # it does not listen yet
            if client.health() == "SERVING":
                return
        time.sleep(0.1)
    raise SystemExit(f"the server did not start within {START_SECONDS} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
