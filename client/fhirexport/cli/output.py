"""What the commands print: tables for people, JSON for scripts, progress and errors on stderr."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from fhirexport._internal.requests import OnProgress
from fhirexport.cli.diagnosis.findings import Finding
from fhirexport.client import Export
from fhirexport.errors import ExportError
from fhirexport.models import LegalEntity, Progress
from fhirexport.watches.following import ExportRevision

# The fields of requests that are options here, and what to say of them.
_OPTIONS = {
    "options.ej_id": (
        "--ej",
        "say which EJ it is for: nothing in the file does; fhirexport entities lists them",
    ),
}


def entities(legal_entities: list[LegalEntity], *, as_json: bool) -> None:
    """Print the EJs."""
    if as_json:
        print_json(
            [
                {"ej_id": entity.ej_id, "finess": entity.finess, "name": entity.name, "active": entity.active}
                for entity in legal_entities
            ]
        )
        return
    table = Table("EJ", "FINESS", "name", "active")
    for entity in legal_entities:
        table.add_row(str(entity.ej_id), entity.finess, entity.name, "yes" if entity.active else "no")
    Console().print(table)


def health(status: str, *, as_json: bool) -> None:
    """Print the status of the server's exports."""
    if as_json:
        print_json({"status": status})
    else:
        Console().print(status)


def saved(target: Path, export: Export, *, as_json: bool) -> None:
    """Print what was written to a file."""
    snapshot = export.snapshot
    if snapshot is None:
        raise RuntimeError("an export that was saved has a snapshot")
    if as_json:
        print_json(
            {
                "file": str(target),
                "not_modified": export.not_modified,
                "etag": snapshot.etag,
                "revision": snapshot.revision,
                "read_time": snapshot.read_time.isoformat(),
                "source": snapshot.source,
                "cache_status": snapshot.cache_status,
                "resource_count": snapshot.resource_count,
                "size_bytes": snapshot.size_bytes,
            }
        )
    elif export.not_modified:
        Console(stderr=True).print(f"not modified since {snapshot.etag}: {target} was left as it was")
    else:
        Console(stderr=True).print(
            f"{target}: {snapshot.resource_count:,} resources, {snapshot.size_bytes:,} bytes"
            f" from the {snapshot.source}, etag {snapshot.etag}",
            highlight=False,
            soft_wrap=True,
        )


def revision(told: ExportRevision) -> None:
    """Print a revision that a watch tells of, at once."""
    when = told.notice_time.astimezone().isoformat(timespec="seconds")
    print(f"{when} {told.dataset} of EJ {told.ej_id}: {told.revision}", flush=True)  # noqa: T201 - the command's output


def interrupted(error: ExportError) -> None:
    """Print why a watch is interrupted."""
    _errors().print(f"fhirexport: interrupted, and taken up again: {message_of(error)} ({error.code.name})")


def message_of(error: ExportError) -> str:
    """Return what an error says, in the words of the command line."""
    number = error.metadata.get("ej_id")
    if error.reason == "EJ_NOT_FOUND" and number:
        return f"there is no legal entity (EJ) {number}; fhirexport entities lists those there are"
    message = error.message
    for field, (option, _) in _OPTIONS.items():
        message = message.replace(field, option)
    return message


def failure(error: ExportError) -> None:
    """Print an error: what is wrong, each refused field, and what to quote when asking for help."""
    console = _errors()
    reason = f"{error.code.name} {error.reason}".strip()
    console.print(f"fhirexport: {message_of(error)} ({reason})")
    for violation in error.violations:
        name, description = _OPTIONS.get(violation.field, (violation.field, violation.description))
        console.print(f"  {name}: {description}")
    if error.retry_after is not None:
        console.print(f"  try again in {error.retry_after:g} s")
    if error.request_id:
        console.print(f"  request id {error.request_id}")


def unreached(address: str, error: ExportError, finding: Finding) -> None:
    """Print why a server is not reached, and what to do."""
    _errors().print(f"fhirexport: {address} is not reached: {finding.message} ({error.code.name})")
    note(finding.advice)


def note(text: str) -> None:
    """Print a hint below an error."""
    _errors().print(f"  {text}")


def _errors() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


@contextmanager
def progress() -> Iterator[OnProgress | None]:
    """Show how far an export has come, on a terminal only; yield what to call with it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.fields[resources]:,} resources"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("export", total=None, resources=0)

        def show(state: Progress) -> None:
            bar.update(task, completed=state.bytes, total=state.of_bytes, resources=state.resources)

        yield show


def print_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print one document; durations are seconds, times ISO 8601, errors their code, reason and message."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))  # noqa: T201 - the command's output


def print_json_line(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print one of several documents, on a line of its own and at once."""
    print(json.dumps(value, ensure_ascii=False, default=_plain), flush=True)  # noqa: T201 - as above


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever JSON can hold
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case ExportError():
            return {"code": value.code.name, "reason": value.reason, "message": value.message}
    raise TypeError(type(value).__name__)
