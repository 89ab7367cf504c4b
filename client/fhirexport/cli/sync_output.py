"""What `fhirexport sync` writes: what has changed, and what bringing the copy up to date took."""

import json
import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console

from fhirexport.cli import output
from fhirexport.mirrors.mirror import Changes
from fhirexport.mirrors.mirror_models import Change, Mended, MirrorUpdate

BASE_URL = "http://localhost:8000/fhir"
"""What `fullUrl` begins with, as it does on a server without settings."""

_MENDED: dict[Mended, str] = {
    "damaged": "the copy was damaged",
    "format": "another release had written the copy",
    "other_database": "the copy was of another database",
}


class ChangeFormat(StrEnum):
    """The formats of what has changed."""

    NDJSON = "ndjson"
    TRANSACTION = "transaction"


def write(changes: Changes, written: ChangeFormat, base_url: str) -> None:
    """Write what has changed to standard output, and wait until it is there.

    Args:
        changes: what has changed.
        written: `ndjson`: a line for each resource that is new or another one, and for each that is gone one
            with a Bundle that deletes it, as Bulk Data Export has them. `transaction`: one Bundle, nothing
            where nothing has changed.
        base_url: what each `fullUrl` begins with.
    """
    mended = changes.update.mended
    out = sys.stdout.buffer
    if written is ChangeFormat.TRANSACTION:
        _write_transaction(changes, base_url.rstrip("/"), out)
    else:
        if changes.whole and mended is not None:
            out.write(_json(_everything(_MENDED[mended])) + b"\n")
        for change in changes:
            out.write((_json(_deletion(change)) if change.content is None else change.content) + b"\n")
    _wait_for_disk(out)
    if changes.whole and mended is not None:
        output.note(f"{_MENDED[mended]}: everything is written; delete what you have besides")


def updated(path: Path, update: MirrorUpdate, *, as_json: bool) -> None:
    """Print what an update took."""
    if as_json:
        values = asdict(update)
        output.print_json_line({"path": str(path), **values.pop("snapshot"), **values})
        return
    snapshot, console = update.snapshot, Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    mended = "" if update.mended is None else f" ({_MENDED[update.mended]}, and is mended)"
    if update.changed:
        took = (
            f"{update.received_segments} of {update.segments} segments sent, {update.received_bytes:,} bytes"
        )
    else:
        took = "up to date"
    console.print(f"{path}: {snapshot.resource_count:,} resources, {took}, etag {snapshot.etag}{mended}")


def _write_transaction(changes: Iterable[Change], base_url: str, out: BinaryIO) -> None:
    before = b'{"resourceType":"Bundle","type":"transaction","entry":[\n'
    for change in changes:
        out.write(before + _entry(change, base_url))
        before = b",\n"
    if before == b",\n":
        out.write(b"\n]}\n")


def _entry(change: Change, base_url: str) -> bytes:
    """Return an entry as the server's own transactions have it, or one that deletes."""
    if change.content is None:
        return _json({"request": {"method": "DELETE", "url": f"{change.type}/{change.id}"}})
    url = f"{change.type}/{change.id}"
    request = _json({"method": "PUT", "url": url})
    before = b'{"fullUrl":' + _json(f"{base_url}/{url}") + b',"resource":'
    return before + change.content + b',"request":' + request + b"}"


def _deletion(change: Change) -> dict[str, Any]:
    request = {"method": "DELETE", "url": f"{change.type}/{change.id}"}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}


def _everything(why: str) -> dict[str, Any]:
    text = f"{why}: every resource follows; whatever is held besides is gone"
    issue = {"severity": "warning", "code": "incomplete", "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _json(value: dict[str, Any] | str) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _wait_for_disk(out: BinaryIO) -> None:
    """Wait until what is written to a file lasts through a power cut, as the copy does."""
    out.flush()
    if stat.S_ISREG(os.fstat(out.fileno()).st_mode):
        os.fsync(out.fileno())
