"""Owns `fhirexport cache`: one function for each command that looks after the cache."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from fhirexport.cache_models import Dataset
from fhirexport.cli import cache_output, output
from fhirexport.cli.common import AsJson, example, exit_status
from fhirexport.cli.connecting import connected, grouping
from fhirexport.cli.legal_entities import complete_ej, ej_id
from fhirexport.client import Client
from fhirexport.errors import DeadlineExceededError, ExportError, UnavailableError


class _Dataset(StrEnum):
    """The datasets, as they can be typed."""

    STRUCTURE = "structure"
    PATIENTS = "patients"
    VENUES = "venues"


_PASSING = (UnavailableError, DeadlineExceededError)

app = typer.Typer(
    name="cache", no_args_is_help=True, help="Look after the cache.", epilog=example("cache stats")
)
app.callback()(grouping(lambda context: None))  # noqa: ARG005 - what the options are remembered in

Reason = Annotated[str, typer.Option("--reason", help="Why; the server writes it down.")]


@app.command(epilog=example("cache stats --watch 5"))
@connected
def stats(
    client: Client,
    *,
    seconds: Annotated[
        float | None,
        typer.Argument(min=0.1, max=3600, help="How often to look, with --watch; 2 by default."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how full the cache is and how often it answers."""
    if seconds is not None and not watch:
        raise typer.BadParameter("SECONDS goes with --watch")
    if watch:
        _watch(client, seconds or 2.0, as_json=as_json)
    found = client.cache.stats()
    if as_json:
        output.print_json(asdict(found))
    else:
        Console().print(cache_output.stats(found))


@app.command(epilog=example("cache health"))
@connected
def health(client: Client, *, as_json: AsJson = False) -> None:
    """Say how the cache does; exit status 1 when exports have to do without it."""
    found = client.cache.health()
    if as_json:
        output.print_json(asdict(found))
    else:
        Console().print(cache_output.health(found))
    raise typer.Exit(0 if found.state in {"healthy", "disabled"} else 1)


@app.command(epilog=example("cache entries 'fhir:export:*:ej:1' --json"))
@connected
def entries(
    client: Client,
    *,
    pattern: Annotated[
        str | None, typer.Argument(help="A glob on the key, such as 'fhir:export:*:ej:1'; all if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what is cached; with --json, one entry a line."""
    found = client.cache.entries(pattern)
    if as_json:
        for entry in found:
            output.print_json_line(asdict(entry))
    else:
        Console().print(cache_output.entries(sorted(found, key=lambda entry: entry.key)))


@app.command(epilog=example("cache invalidate 'fhir:export:venues:*' --reason 'codes corrected'"))
@connected
def invalidate(
    client: Client,
    *,
    pattern: Annotated[str, typer.Argument(help="A glob on the key, such as 'fhir:export:*:ej:1'.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Make the entries that a pattern names count no more, in every server; delete them."""
    done = client.cache.invalidate(pattern, dry_run=dry_run, reason=reason)
    if as_json:
        output.print_json(asdict(done))
    else:
        Console().print(cache_output.invalidated(done, dry_run=dry_run), soft_wrap=True)


@app.command(epilog=example("cache flush --yes --reason 'after the move'"))
@connected
def flush(
    client: Client,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Do the same to every entry of this service; other applications' keys are left alone."""
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("give --yes: there is no terminal to ask on")
        typer.confirm("Make every cached export count no more, and delete it?", abort=True, err=True)
    done = client.cache.flush(reason=reason)
    if as_json:
        output.print_json({"deleted_count": done.deleted_count, "deletion_pending": done.deletion_pending})
    else:
        Console().print(cache_output.flushed(done), soft_wrap=True)


@app.command(epilog=example("cache warm 1 010780054 --dataset patients"))
@connected
def warm(
    client: Client,
    *,
    ejs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EJ", help="Ids or FINESS numbers; all if left out.", autocompletion=complete_ej
        ),
    ] = None,
    datasets: Annotated[
        list[_Dataset] | None, typer.Option("--dataset", help="Only this dataset; may be given again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Render exports into the cache before anyone asks; with --json, one a line."""
    failure = _warmed(
        client,
        [ej_id(client, ej) for ej in ejs or ()],
        [dataset.value for dataset in datasets or ()],
        as_json=as_json,
    )
    if failure is not None:
        raise typer.Exit(exit_status(failure))


def _warmed(
    client: Client, ej_ids: Sequence[int], datasets: Sequence[Dataset], *, as_json: bool
) -> ExportError | None:
    """Warms and tells; returns the first error."""
    failure = None
    with cache_output.progress() as advance:
        for done in client.cache.warm(ej_ids, datasets):
            advance(done)
            failure = failure or done.error
            if as_json:
                output.print_json_line(asdict(done))
            else:
                print(cache_output.warmed(done), flush=True)  # noqa: T201 - the command's output
    return failure


def _watch(client: Client, seconds: float, *, as_json: bool) -> None:
    """Shows the figures again and again; an end of the connection is told, and waited out."""
    console = Console()
    with _until_interrupted():
        if as_json or not console.is_terminal:
            while True:
                try:
                    found = client.cache.stats()
                    if as_json:
                        output.print_json_line(asdict(found))
                    else:
                        console.print(cache_output.stats(found))
                except _PASSING as error:
                    output.failure(error)
                time.sleep(seconds)
        with Live(console=console, auto_refresh=False) as live:
            while True:
                try:
                    live.update(cache_output.stats(client.cache.stats()), refresh=True)
                except _PASSING as error:
                    live.update(cache_output.gone(error), refresh=True)
                time.sleep(seconds)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Takes Ctrl-C for what it is here: the way to end it."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
