"""Owns what `fhirexport import` prints: what became of the resources, and what is wrong with them."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from fhirexport.cli.output import print_json
from fhirexport.errors import DeadlineExceededError, ExportError, OverloadedError, UnavailableError
from fhirexport.import_models import ImportSummary

OnProgress = Callable[[int], None]
# What may have been written though nobody was told, or can be once there is room.
_AGAIN = (UnavailableError, DeadlineExceededError, OverloadedError)


def summary(found: ImportSummary, *, validate_only: bool, as_json: bool) -> None:
    """Prints what became of an import."""
    if as_json:
        printed = asdict(found)
        printed["commit_time"] = None if found.commit_time is None else found.commit_time.isoformat()
        print_json(printed)
        return
    console = Console(highlight=False, soft_wrap=True)
    if found.problems:
        table = Table("resource", "", "where", "what", box=None, padding=(0, 2, 0, 0))
        for one in found.problems:
            table.add_row(str(one.entry_index + 1), one.severity, one.expression, one.message)
        console.print(table)
        more = found.error_count + found.warning_count - len(found.problems)
        if more:
            console.print(f"… and {more:,} more")
    would = "would be " if validate_only else ""
    console.print(
        f"{would}created {found.created_count:,}, updated {found.updated_count:,},"
        f" unchanged {found.unchanged_count:,}, deleted {found.deleted_count:,};"
        f" {_count(found.error_count, 'error')}, {_count(found.warning_count, 'warning')}"
    )
    for revision in found.revisions:
        console.print(f"{revision.dataset} of EJ {revision.ej_id}: revision {revision.revision}")


def resume(error: ExportError, source: str, request_id: str | None) -> None:
    """Says how to go on after a failure that may pass."""
    if isinstance(error, _AGAIN) and request_id is not None:
        command = shlex.join(["fhirexport", "import", source, "--request-id", request_id])
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(
            f"nobody knows whether it was written; this writes it once, and no more: {command}"
        )


@contextmanager
def progress(size: int | None) -> Iterator[OnProgress]:
    """Shows how much was sent, on a terminal only; yields what is to be told."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("import", total=size)
        yield lambda done: bar.update(task, completed=done)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
