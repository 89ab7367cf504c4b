"""Errors as lines and exit statuses; of a server that is not reached, what a person would check."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from fhirexport._internal.calls import Calls
from fhirexport._internal.channels import Server
from fhirexport.cli import output
from fhirexport.cli.common import exit_status
from fhirexport.cli.diagnosis.checks import reach
from fhirexport.cli.diagnosis.findings import Finding
from fhirexport.errors import DeadlineExceededError, ExportError, UnavailableError

_FAILED = 1


@contextmanager
def reported(server: Server, calls: Calls) -> Iterator[None]:
    """Turn an error into a few lines at most, and an exit status."""
    try:
        yield
    except (UnavailableError, DeadlineExceededError) as error:
        # A server that answers says why, in its own words.
        finding = None if error.reason else _problem(server, calls)
        if finding is None:
            output.failure(error)
        else:
            output.unreached(server.target, error, finding)
        if not error.reason:
            output.note("fhirexport doctor, with the same options, says more")
        raise typer.Exit(exit_status(error)) from None
    except ExportError as error:
        output.failure(error)
        raise typer.Exit(exit_status(error)) from None
    except OSError as error:
        filename = "" if error.filename is None else f": {error.filename}"
        typer.echo(f"fhirexport: {error.strerror or error}{filename}", err=True)
        raise typer.Exit(_FAILED) from None


def _problem(server: Server, calls: Calls) -> Finding | None:
    return next((finding for finding in reach(server, calls) if finding.level == "problem"), None)
