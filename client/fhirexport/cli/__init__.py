"""The command `fhirexport`; needs the extra `fhirexport[cli]`."""

import os
import sys

from fhirexport._internal import stdio

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its status."""
    # gRPC's core prints what errors say as well. The variable is read when it is loaded, which is below.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.exit(stdio.run("fhirexport", _run))


def _run() -> None:
    try:
        from fhirexport.cli.commands import app  # noqa: PLC0415 - the library does without the extra
    except ModuleNotFoundError as error:
        sys.exit(f"fhirexport: {error.name} is missing: pip install 'fhirexport[cli]'")
    app()
