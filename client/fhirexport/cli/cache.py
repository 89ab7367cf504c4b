"""`fhirexport cache`: one function for each command that looks after the cache."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from fhirexport.cache_models import Dataset
from fhirexport.cli import cache_output, output
from fhirexport.cli.common import AsJson, DatasetName, example, exit_status, until_interrupted
from fhirexport.cli.connecting import connected, grouping
from fhirexport.cli.legal_entities import complete_ej, ej_id
from fhirexport.client import Client
from fhirexport.errors import DeadlineExceededError, ExportError, UnavailableError

_PASSING = (UnavailableError, DeadlineExceededError)

app = typer.Typer(
    name="cache", no_args_is_help=True, help="Look after the cache.", epilog=example("cache stats")
)
app.callback()(grouping(lambda context: None))  # noqa: ARG005 - what the options are remembered in

Reason = Annotated[str, typer.Option("--reason", help="Why, for the server's audit table.")]


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
    """Show how full the cache is and how often it answers."""
    if seconds is not None and not watch:
        raise typer.BadParameter("SECONDS goes with --watch")
    if watch:
        _watch(client, seconds or 2.0, as_json=as_json)
    figures = client.cache.stats()
    if as_json:
        output.print_json(asdict(figures))
    else:
        Console().print(cache_output.stats(figures))


@app.command(epilog=example("cache health"))
@connected
def health(client: Client, *, as_json: AsJson = False) -> None:
    """Show whether Redis can be used; exit status 1 when exports have to do without it."""
    state = client.cache.health()
    if as_json:
        output.print_json(asdict(state))
    else:
        Console().print(cache_output.health(state))
    raise typer.Exit(0 if state.state in {"healthy", "disabled"} else 1)


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
    """List the cached entries; with --json, one a line."""
    cached = client.cache.entries(pattern)
    if as_json:
        for entry in cached:
            output.print_json_line(asdict(entry))
    else:
        Console().print(cache_output.entries(sorted(cached, key=lambda entry: entry.key)))


@app.command(epilog=example("cache invalidate 'fhir:export:venues:*' --reason 'codes corrected'"))
@connected
def invalidate(
    client: Client,
    *,
    pattern: Annotated[str, typer.Argument(help="A glob on the key, such as 'fhir:export:*:ej:1'.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Invalidate the entries that match a pattern, in every server, and delete them."""
    result = client.cache.invalidate(pattern, dry_run=dry_run, reason=reason)
    if as_json:
        output.print_json(asdict(result))
    else:
        Console().print(cache_output.invalidated(result, dry_run=dry_run), soft_wrap=True)


@app.command(epilog=example("cache flush --yes --reason 'after the move'"))
@connected
def flush(
    client: Client,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Invalidate and delete every entry of this service; other applications' keys are left alone."""
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("give --yes: there is no terminal to ask on")
        typer.confirm("Invalidate and delete every cached export?", abort=True, err=True)
    result = client.cache.flush(reason=reason)
    if as_json:
        output.print_json(
            {"deleted_count": result.deleted_count, "deletion_pending": result.deletion_pending}
        )
    else:
        Console().print(cache_output.flushed(result), soft_wrap=True)


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
        list[DatasetName] | None, typer.Option("--dataset", help="Only this dataset; may be given again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Render exports into the cache before anyone asks; with --json, one a line."""
    error = _warm(
        client,
        [ej_id(client, ej) for ej in ejs or ()],
        [dataset.value for dataset in datasets or ()],
        as_json=as_json,
    )
    if error is not None:
        raise typer.Exit(exit_status(error))


def _warm(
    client: Client, ej_ids: Sequence[int], datasets: Sequence[Dataset], *, as_json: bool
) -> ExportError | None:
    """Warm the cache and print each result; return the first error."""
    first_error = None
    with cache_output.progress() as advance:
        for result in client.cache.warm(ej_ids, datasets):
            advance(result)
            first_error = first_error or result.error
            if as_json:
                output.print_json_line(asdict(result))
            else:
                print(cache_output.warmed(result), flush=True)  # noqa: T201 - the command's output
    return first_error


def _watch(client: Client, seconds: float, *, as_json: bool) -> None:
    """Show the figures again and again; report a lost connection, and wait for it to come back."""
    console = Console()
    with until_interrupted():
        if as_json or not console.is_terminal:
            while True:
                try:
                    figures = client.cache.stats()
                    if as_json:
                        output.print_json_line(asdict(figures))
                    else:
                        console.print(cache_output.stats(figures))
                except _PASSING as error:
                    output.failure(error)
                time.sleep(seconds)
        with Live(console=console, auto_refresh=False) as live:
            while True:
                try:
                    live.update(cache_output.stats(client.cache.stats()), refresh=True)
                except _PASSING as error:
                    live.update(cache_output.unavailable(error), refresh=True)
                time.sleep(seconds)
