"""What the doctor finds of the server's audit trail."""

from collections.abc import Iterator

from fhirexport.cli.diagnosis.findings import Finding, message_of
from fhirexport.errors import ExportError

_ABOUT_AUDIT = "audit: "


def unwritable_audit(answer: object) -> Iterator[Finding]:
    """Yield the problem that the server cannot write its audit trail, where its answer says so."""
    if isinstance(answer, ExportError) and answer.reason == "AUDIT_UNAVAILABLE":
        advice = "make room on the disk of AUDIT_DIRECTORY: docs/operations.md, 'The audit trail'"
        yield Finding("audit", "problem", message_of(answer), advice)


def warned(warning: str) -> Finding:
    """Return a warning of the health of the cache: of Redis, or of the audit trail."""
    message, _, advice = warning.rpartition("; ")
    check = "audit" if message.startswith(_ABOUT_AUDIT) else "Redis"
    return Finding(check, "warning", message.removeprefix(_ABOUT_AUDIT) or warning, advice)
