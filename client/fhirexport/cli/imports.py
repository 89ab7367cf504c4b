"""Owns `fhirexport import`: a Bundle or NDJSON, from a file or a pipe, into the server's database."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO
from uuid import uuid4

import typer

from fhirexport._importing import CHUNK_BYTES, Importing
from fhirexport.cli import import_output
from fhirexport.cli.common import AsJson, ej_id, told
from fhirexport.client import Client
from fhirexport.errors import ExportError, InvalidArgumentError
from fhirexport.import_models import ImportSummary

# Of a Bundle, this comes first or nearly so, and no other resource says it of itself.
_BUNDLE = re.compile(rb'"resourceType"\s*:\s*"Bundle"')
_PEEKED = 4096
_BUNDLE_BYTES = 8 << 20
_FAILED = 1


def import_(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="Bundle or NDJSON; - for a pipe.")],
    *,
    ej: Annotated[
        str | None, typer.Option("--ej", help="The EJ: its id, or its FINESS number. Else the file's own.")
    ] = None,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Check everything, write nothing.")
    ] = False,
    request_id: Annotated[
        str | None,
        typer.Option("--request-id", help="A UUID: within a day, a repeated import is written once."),
    ] = None,
    if_revision: Annotated[
        str | None, typer.Option("--if-revision", help="Write only on this revision of an earlier answer.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import FHIR resources: structure, patients, venues and movements."""
    client: Client = context.obj
    how = Importing(
        validate_only=validate_only, request_id=request_id or str(uuid4()), if_revision=if_revision
    )
    with told():
        if ej is not None:
            how["ej_id"] = ej_id(client, ej)
        with _opened(source) as (file, size):
            peeked = file.read(_PEEKED)
            try:
                if _BUNDLE.search(peeked):
                    summary = _bundle(client, peeked + file.read(_BUNDLE_BYTES + 1 - len(peeked)), how)
                else:
                    with import_output.progress(size) as on_progress:
                        pieces = _pieces(peeked, file, on_progress)
                        summary = client.imports.resources(pieces, **how)
            except ExportError as error:
                import_output.resume(error, source, how["request_id"])
                raise
    import_output.summary(summary, validate_only=validate_only, as_json=as_json)
    raise typer.Exit(_FAILED if summary.error_count else 0)


def _bundle(client: Client, content: bytes, how: Importing) -> ImportSummary:
    if len(content) > _BUNDLE_BYTES:
        raise typer.BadParameter("a Bundle can be 8 MiB long: send NDJSON, one resource a line, of any size")
    try:
        return client.imports.bundle(content, **how)
    except UnicodeDecodeError:
        raise typer.BadParameter("the file is not UTF-8") from None
    except InvalidArgumentError:
        if how.get("validate_only"):
            raise
        # The refusal has room for some of the problems only.
        checking = how.copy()
        checking["validate_only"] = True
        found = client.imports.bundle(content, **checking)
        if not found.error_count:
            raise
        return found


@contextmanager
def _opened(source: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """Offers what is to be read, and its size where that is known."""
    if source == "-":
        try:
            yield sys.stdin.buffer, None
        except OSError as error:
            error.filename = error.filename or "standard input"
            raise
        return
    with Path(source).open("rb") as file:
        yield file, Path(source).stat().st_size


def _pieces(first: bytes, file: BinaryIO, on_progress: import_output.OnProgress) -> Iterator[bytes]:
    done = 0
    piece = first
    while piece:
        yield piece
        done += len(piece)
        on_progress(done)
        piece = file.read(CHUNK_BYTES)
