"""`fhirexport import`: a Bundle or NDJSON, from a file or a pipe, into the server's database."""

import logging
from collections.abc import Iterator
from typing import Annotated
from uuid import uuid4

import typer

from fhirexport._internal.uploads.import_calls import ImportArguments
from fhirexport.cli.common import AsJson
from fhirexport.cli.importing import import_output, import_source
from fhirexport.cli.importing.import_source import UnreadableSourceError
from fhirexport.cli.legal_entities import complete_ej, ej_id
from fhirexport.client import Client
from fhirexport.errors import ExportError, InvalidArgumentError
from fhirexport.import_models import ImportSummary

_FAILED = 1
_UNREADABLE = 2


def import_(
    client: Client,
    source: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Bundle, NDJSON or other JSON, or gzip; - for a pipe.")
    ],
    *,
    ej: Annotated[
        str | None,
        typer.Option(
            "--ej",
            help="The EJ: its id, or its FINESS number. Else the file's own.",
            autocompletion=complete_ej,
        ),
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
    arguments = ImportArguments(
        validate_only=validate_only, request_id=request_id or str(uuid4()), if_revision=if_revision
    )
    if ej is not None:
        arguments["ej_id"] = ej_id(client, ej)
    with import_source.opened(source) as file:
        try:
            summary = _send(client, file, arguments)
        except UnreadableSourceError as error:
            name = "standard input" if source == "-" else source
            typer.echo(f"fhirexport: {name} {error}", err=True)
            raise typer.Exit(_UNREADABLE) from None
        except ExportError as error:
            import_output.resume(error, source, arguments["request_id"], ej)
            raise
    import_output.summary(summary, validate_only=validate_only, as_json=as_json)
    raise typer.Exit(_FAILED if summary.error_count else 0)


def _send(client: Client, file: import_source.Counted, arguments: ImportArguments) -> ImportSummary:
    content = import_source.content(file)
    if content.bundle is not None:
        return _send_bundle(client, content.bundle, arguments)
    # gRPC logs what an iterator raises; here it becomes one line, below.
    logging.getLogger("grpc").addHandler(logging.NullHandler())
    with import_output.progress(file.size) as on_progress:
        try:
            return client.imports.resources(_pieces(content, file, on_progress), **arguments)
        except ExportError:
            if content.failure is not None:
                raise content.failure from None
            raise


def _send_bundle(client: Client, content: bytes, arguments: ImportArguments) -> ImportSummary:
    try:
        return client.imports.bundle(content, **arguments)
    except UnicodeDecodeError:
        raise UnreadableSourceError("is not UTF-8") from None
    except InvalidArgumentError:
        if arguments.get("validate_only"):
            raise
        # The refusal has room for some of the problems only.
        checking = arguments.copy()
        checking["validate_only"] = True
        summary = client.imports.bundle(content, **checking)
        if not summary.error_count:
            raise
        return summary


def _pieces(
    content: import_source.Content, file: import_source.Counted, on_progress: import_output.OnProgress
) -> Iterator[bytes]:
    for piece in content.lines:
        if piece:
            yield piece
            on_progress(file.done)
