"""A server that lets content leave before its line is on the disk: what the kills must find."""

from fhirexport_server import __main__ as program
from fhirexport_server.audit.lines import Fields, now
from fhirexport_server.audit.trail import AuditTrail


async def _begun(trail: AuditTrail, fields: Fields) -> None:
    """Write a line that nobody waits for."""
    trail._writer.put({"time": now(), "event": "begun", **fields})  # noqa: SLF001 - it breaks it on purpose


def main() -> None:
    """Run the program, carelessly."""
    AuditTrail.begun = _begun  # type: ignore[assignment,method-assign]
    program.main()
