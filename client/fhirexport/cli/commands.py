"""The commands: one function for each."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from fhirexport import __version__
from fhirexport._internal.requests import Options
from fhirexport.cli import cache, output, sync, watch
from fhirexport.cli.common import AsJson, example
from fhirexport.cli.connecting import connected, connecting, grouping
from fhirexport.cli.diagnosis import doctor
from fhirexport.cli.importing import command
from fhirexport.cli.legal_entities import complete_ej, complete_finess, ej_id
from fhirexport.client import Client, Export
from fhirexport.models import Format

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=example("--address localhost:50051 entities"),
    help="Exports a hospital group's structure, patients and venues as FHIR R4 (FR Core).",
)
app.add_typer(cache.app)
app.command(epilog=example("doctor --address localhost:50051"))(connecting(doctor.doctor))
app.command(epilog=example("sync 1 venues mirror/venues --movements"))(connected(sync.sync))
app.command(epilog=example("watch 1 venues"))(connected(watch.watch))
app.command("import", epilog=example("import venues.ndjson --ej 1"))(connected(command.import_))

Ej = Annotated[
    str,
    typer.Argument(metavar="EJ", help="The EJ: its id, or its FINESS number.", autocompletion=complete_ej),
]
Layout = Annotated[Format, typer.Option("--format", help="How to lay the resources out.")]
Target = Annotated[Path | None, typer.Option("--output", "-o", help="A file; - or nothing: standard output.")]
Staleness = Annotated[
    float | None, typer.Option("--max-staleness", metavar="SECONDS", help="How old the answer may be.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Read the database, whatever is cached.")]
Etag = Annotated[str | None, typer.Option("--if-none-match", help="Send nothing while this etag holds.")]

_STANDARD_OUTPUT = Path("-")


def _version(show: bool) -> None:  # noqa: FBT001 - the signature that typer calls
    if show:
        typer.echo(f"fhirexport {__version__}")
        raise typer.Exit


def _connect(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.callback()(grouping(_connect, variables=True))


@app.command(epilog=example("structure 1 -o structure.json"))
@connected
def structure(
    client: Client,
    ej: Ej,
    layout: Layout = "bundle",
    target: Target = None,
    staleness: Staleness = None,
    fresh: Fresh = False,
    etag: Etag = None,
    as_json: AsJson = False,
) -> None:
    """Export an EJ's structure: the EJ, its sites, units, rooms and beds."""
    options = _options(staleness, fresh=fresh, etag=etag)
    _export(client, ej, lambda number: client.structure(number, **options), layout, target, as_json=as_json)


@app.command(epilog=example("patients 010780054 --format ndjson -o patients.ndjson"))
@connected
def patients(
    client: Client,
    ej: Ej,
    layout: Layout = "bundle",
    target: Target = None,
    staleness: Staleness = None,
    fresh: Fresh = False,
    etag: Etag = None,
    as_json: AsJson = False,
) -> None:
    """Export an EJ's patients."""
    options = _options(staleness, fresh=fresh, etag=etag)
    _export(client, ej, lambda number: client.patients(number, **options), layout, target, as_json=as_json)


@app.command(epilog=example("venues 1 --movements --format ndjson -o venues.ndjson"))
@connected
def venues(
    client: Client,
    ej: Ej,
    layout: Layout = "bundle",
    target: Target = None,
    staleness: Staleness = None,
    fresh: Fresh = False,
    etag: Etag = None,
    movements: Annotated[
        bool, typer.Option("--movements", help="Also one Encounter for each movement.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Export an EJ's venues, with their history."""
    options = _options(staleness, fresh=fresh, etag=etag)
    _export(
        client,
        ej,
        lambda number: client.venues(number, movements=movements, **options),
        layout,
        target,
        as_json=as_json,
    )


@app.command(epilog=example("entities --finess 010780054"))
@connected
def entities(
    client: Client,
    finess: Annotated[
        str | None, typer.Option(help="Only the EJ with this FINESS number.", autocompletion=complete_finess)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the EJs."""
    output.entities(list(client.entities(finess)), as_json=as_json)


@app.command(epilog=example("health --json"))
@connected
def health(client: Client, as_json: AsJson = False) -> None:
    """Say whether the server serves exports; exit status 1 when it does not."""
    status = client.health()
    output.health(status, as_json=as_json)
    raise typer.Exit(0 if status == "SERVING" else 1)


def _options(staleness: float | None, *, fresh: bool, etag: str | None) -> Options:
    if fresh and staleness is not None:
        raise typer.BadParameter("give --fresh or --max-staleness, not both")
    options = Options(fresh=fresh)
    if staleness is not None:
        options["max_staleness"] = timedelta(seconds=staleness)
    if etag is not None:
        options["if_none_match"] = etag
    return options


def _export(
    client: Client,
    ej: str,
    make_export: Callable[[int], Export],
    layout: Format,
    target: Path | None,
    *,
    as_json: bool,
) -> None:
    if target == _STANDARD_OUTPUT:
        target = None
    if as_json and target is None:
        raise typer.BadParameter("--json describes the file that -o writes: give -o too")
    export = make_export(ej_id(client, ej))
    with output.progress() as export.on_progress:
        if target is None:
            for content in export.chunks(layout):
                sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        else:
            export.save(target, layout)
    if target is not None:
        output.saved(target, export, as_json=as_json)
