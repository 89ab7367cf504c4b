"""Kept answers of imports, for calls that repeat a request id, and the digests that tell imports apart."""

from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from fhirexport_server.domain.imports import ImportOptions, ImportSummary, Problem, Severity
from fhirexport_server.domain.revision import Token


def digest(content: str, options: ImportOptions) -> str:
    """Return a digest of an import, equal for equal imports.

    Args:
        content: A digest of the content.
        options: The options of the import.
    """
    token = "" if options.if_revision is None else options.if_revision.encode()
    text = f"{content} {options.ej_id or 0} {token}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def encode(summary: ImportSummary) -> str:
    """Encode a summary as text."""
    return msgspec.json.encode(
        {
            "counts": [summary.created, summary.updated, summary.unchanged, summary.deleted],
            "problems": [
                (problem.entry, problem.expression, problem.severity.value, problem.text)
                for problem in summary.problems
            ],
            "errors": summary.errors,
            "warnings": summary.warnings,
            "revisions": [token.encode() for token in summary.revisions],
            "committed_at": None if summary.committed_at is None else summary.committed_at.isoformat(),
        }
    ).decode()


def decode(text: str) -> ImportSummary:
    """Decode a summary from its text."""
    fields: dict[str, Any] = msgspec.json.decode(text)
    created, updated, unchanged, deleted = fields["counts"]
    return ImportSummary(
        created=created,
        updated=updated,
        unchanged=unchanged,
        deleted=deleted,
        problems=tuple(
            Problem(entry, expression, Severity(severity), message)
            for entry, expression, severity, message in fields["problems"]
        ),
        errors=fields["errors"],
        warnings=fields["warnings"],
        revisions=tuple(map(Token.decode, fields["revisions"])),
        committed_at=None
        if fields["committed_at"] is None
        else datetime.fromisoformat(fields["committed_at"]),
        is_repeated=True,
    )
