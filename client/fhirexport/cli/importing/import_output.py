"""What `fhirexport import` prints: the summary, and what is wrong with the resources."""

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
# Errors after which the import may have been written, or may be once there is room.
_AGAIN = (UnavailableError, DeadlineExceededError, OverloadedError)


def summary(result: ImportSummary, *, validate_only: bool, as_json: bool) -> None:
    """Print the summary of an import."""
    if as_json:
        printed = asdict(result)
        printed["commit_time"] = None if result.commit_time is None else result.commit_time.isoformat()
        print_json(printed)
        return
    console = Console(highlight=False, soft_wrap=True, markup=False)
    if result.problems:
        for line in _lines(result.problems):
            console.print(line)
        more = result.error_count + result.warning_count - len(result.problems)
        if more:
            console.print(f"… and {more:,} more")
    would = "would be " if validate_only else ""
    console.print(
        f"{would}created {result.created_count:,}, updated {result.updated_count:,},"
        f" unchanged {result.unchanged_count:,}, deleted {result.deleted_count:,};"
        f" {_count(result.error_count, 'error')}, {_count(result.warning_count, 'warning')}"
    )
    for revision in result.revisions:
        console.print(f"{revision.dataset} of EJ {revision.ej_id}: revision {revision.revision}")


def _lines(problems: Iterable[ImportProblem]) -> list[str]:
    """Return problems in columns that are as wide as what they hold; those that are equal in one line."""
    equal: dict[tuple[str, str, str], list[ImportProblem]] = {}
    for problem in problems:
        expression = _ENTRY.sub("Bundle.entry[]", problem.expression)
        equal.setdefault((problem.severity, expression, problem.message), []).append(problem)
    rows = [("resource", "", "where", "what")]
    for (severity, _, message), group in equal.items():
        first, times = group[0], ""
        if len(group) > 1:
            places = [f"{problem.entry_index + 1:,}" for problem in group[:_PLACES]]
            more = "" if len(group) <= _PLACES else ", …"
            times = f" ({len(group)} times: {', '.join(places)}{more})"
        rows.append((f"{first.entry_index + 1:,}", severity, first.expression, message + times))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return ["  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows]


def resume(error: ExportError, source: str, request_id: str | None, ej: str | None) -> None:
    """Say how to go on after a failure that may pass."""
    if isinstance(error, _AGAIN) and request_id is not None:
        command = shlex.join(
            ["fhirexport", "import", source, "--request-id", request_id, *(["--ej", ej] if ej else [])]
        )
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(
            f"nobody knows whether it was written; this writes it once, and no more: {command}"
        )


@contextmanager
def progress(size: int | None) -> Iterator[OnProgress]:
    """Show how much was sent, on a terminal only; yield what to call with the bytes that were sent."""
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
