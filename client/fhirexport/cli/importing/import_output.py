"""Owns what `fhirexport import` prints: what became of the resources, and what is wrong with them."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from fhirexport.cli.output import print_json
from fhirexport.errors import DeadlineExceededError, ExportError, OverloadedError, UnavailableError
from fhirexport.import_models import ImportProblem, ImportSummary

_ENTRY = re.compile(r"^Bundle\.entry\[\d+\]")
_PLACES = 5
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
    console = Console(highlight=False, soft_wrap=True, markup=False)
    if found.problems:
        for line in _lines(found.problems):
            console.print(line)
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


def _lines(problems: Iterable[ImportProblem]) -> list[str]:
    """Return problems in columns that are as wide as what they hold; those that are equal in one line."""
    equal: dict[tuple[str, str, str], list[ImportProblem]] = {}
    for one in problems:
        where = _ENTRY.sub("Bundle.entry[]", one.expression)
        equal.setdefault((one.severity, where, one.message), []).append(one)
    rows = [("resource", "", "where", "what")]
    for (severity, _, message), group in equal.items():
        first, times = group[0], ""
        if len(group) > 1:
            places = [f"{one.entry_index + 1:,}" for one in group[:_PLACES]]
            more = "" if len(group) <= _PLACES else ", …"
            times = f" ({len(group)} times: {', '.join(places)}{more})"
        rows.append((f"{first.entry_index + 1:,}", severity, first.expression, message + times))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return ["  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows]


def resume(error: ExportError, source: str, request_id: str | None, ej: str | None) -> None:
    """Says how to go on after a failure that may pass."""
    if isinstance(error, _AGAIN) and request_id is not None:
        command = shlex.join(
            ["fhirexport", "import", source, "--request-id", request_id, *(["--ej", ej] if ej else [])]
        )
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
