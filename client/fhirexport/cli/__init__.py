"""Owns the command `fhirexport`; needs the extra `fhirexport[cli]`."""

import sys

__all__ = ["main"]


def main() -> None:
    """Runs the command line and exits with its status."""
    try:
        from fhirexport.cli.commands import app  # noqa: PLC0415 - the library does without the extra
    except ModuleNotFoundError as error:
        sys.exit(f"fhirexport: {error.name} is missing: pip install 'fhirexport[cli]'")
    app()
