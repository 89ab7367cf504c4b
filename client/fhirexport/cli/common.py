"""Owns what all commands share: how errors become exit statuses, and what an EJ can be named by."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from fhirexport.cli import output
from fhirexport.client import Client
from fhirexport.errors import ExportError

FINESS_LENGTH = 9
_GRPC_EXIT = 64
"""What grpcurl adds to a status code to make an exit status; scripts may rely on it here too."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def exit_status(error: ExportError) -> int:
    """Returns the exit status that stands for an error."""
    number: int = error.code.value[0]
    return _GRPC_EXIT + number


@contextmanager
def told() -> Iterator[None]:
    """Turns an error into one line and an exit status."""
    try:
        yield
    except ExportError as error:
        output.failure(error)
        raise typer.Exit(exit_status(error)) from None
    except OSError as error:
        which = "" if error.filename is None else f": {error.filename}"
        typer.echo(f"fhirexport: {error.strerror or error}{which}", err=True)
        raise typer.Exit(1) from None


def ej_id(client: Client, text: str) -> int:
    """Returns the id of an EJ that was named by it, or by its FINESS number.

    Raises:
        typer.BadParameter: it is neither.
        ExportError: it could not be looked up.
    """
    if len(text) != FINESS_LENGTH and text.isdecimal():
        return int(text)
    found = next(client.entities(text), None) if len(text) == FINESS_LENGTH else None
    if found is not None:
        return found.ej_id
    if text.isdecimal():
        return int(text)
    raise typer.BadParameter("must be an EJ's id or the nine characters of its FINESS number")
