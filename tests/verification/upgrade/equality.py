"""Whether an upgraded database shows the same as one that this release alone has made and filled."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from fhirexport import AsyncClient
from fhirexport.models import Format
from fhirexport_server.store.migrate import migrate
from support.ports import free_port
from support.rows import writing
from support.server import ROOT
from verification.rolling import former
from verification.upgrade.rows import Rows, transact, write_rows
from verification.upgrade.writer import Ledger


def make_fresh(url: str, rows: Rows, ledgers: Sequence[Ledger]) -> None:
    """Fill an empty database as the upgraded one was: the rows of then, and each writer's transactions."""
    migrate(url)
    write_rows(url, rows)
    with writing(url) as connection:
        for ledger in ledgers:
            for number in range(1, len(ledger.done) + 1):
                transact(connection, ledger.stay, number)


async def differences(target: str, fresh_url: str, directory: Path) -> tuple[int, list[str]]:
    """Compare all exports of servers with those of a server on another database.

    Args:
        target: The servers, as clients name them: what they have kept, and what they read anew.
        fresh_url: The URL of the other database.
        directory: Where a server for it runs.

    Returns:
        How many there are, and the names of those of which not all bytes are the same.
    """
    address = f"127.0.0.1:{free_port()}"
    variables = {"DATABASE_URL": fresh_url, "LISTEN_ADDRESS": address}
    async with (
        former.server(ROOT, directory / "server-fresh", variables),
        AsyncClient(address) as fresh,
        AsyncClient(target) as upgraded,
    ):
        expected = await _exports(fresh, anew=True)
        found = [await _exports(upgraded, anew=anew) for anew in (False, True)]
    names = sorted(expected.keys() | found[0].keys() | found[1].keys())
    return len(expected), [
        name for name in names if any(exports.get(name) != expected.get(name) for exports in found)
    ]


async def _exports(client: AsyncClient, *, anew: bool) -> dict[str, bytes]:
    """Return the contents of all exports by name; `anew` reads the database, whatever is kept."""
    contents = {}
    async for entity in client.entities():
        exports = {
            "structure": client.structure(entity.ej_id, fresh=anew),
            "patients": client.patients(entity.ej_id, fresh=anew),
            "venues": client.venues(entity.ej_id, fresh=anew),
            "venues with movements": client.venues(entity.ej_id, movements=True, fresh=anew),
        }
        for name, export in exports.items():
            for layout in get_args(Format):
                contents[f"{name} of EJ {entity.ej_id}, {layout}"] = await export.read(layout)
    return contents
