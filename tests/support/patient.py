"""The command `fhirexport`, for machines with other work: where it gives up for a person's sake, it waits.

A completion that takes longer than a second is none, and a server that does not answer the doctor within
eight is a problem. Of either, a test that is about something else would say that it is broken.
"""

from typing import Final

from fhirexport import cli
from fhirexport.cli import calling, legal_entities
from fhirexport.cli.diagnosis import checks, findings, reaching

_SECONDS: Final = 60.0
BOUNDS: Final = (
    (legal_entities, "COMPLETION_SECONDS"),
    (findings, "SECONDS"),
    (checks, "SECONDS"),
    (checks, "SOCKET_SECONDS"),
    (calling, "SOCKET_SECONDS"),
    (reaching, "SOCKET_SECONDS"),
)
"""Each module, and the name by which it knows how long it waits."""


def main() -> None:
    """Run the command."""
    for module, name in BOUNDS:
        assert hasattr(module, name)
        setattr(module, name, _SECONDS)
    cli.main()
