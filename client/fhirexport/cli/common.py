"""What all commands share: how errors become exit statuses, and how help shows an example."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from fhirexport._internal.stdio import signals_as_they_came
from fhirexport.errors import ExportError

_GRPC_EXIT = 64
"""What grpcurl adds to a status code to make an exit status; scripts may rely on it here too."""


class DatasetName(StrEnum):
    """The datasets, as they can be typed."""

    STRUCTURE = "structure"
    PATIENTS = "patients"
    VENUES = "venues"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def exit_status(error: ExportError) -> int:
    """Return the exit status that stands for an error."""
    number: int = error.code.value[0]
    return _GRPC_EXIT + number


def example(arguments: str) -> str:
    """Return the last line of a command's help."""
    return f"Example: fhirexport {arguments}"


@contextmanager
def until_interrupted() -> Iterator[None]:
    """End with status 0 on Ctrl-C, which is the way to end it."""
    try:
        with signals_as_they_came():
            yield
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
