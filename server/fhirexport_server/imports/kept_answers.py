"""Owns how an import's answer is kept for those who ask again, and what tells one import from another."""

from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from fhirexport_server.domain.imports import ImportOptions, ImportSummary, Problem, Severity
from fhirexport_server.domain.revision import Token


def digest(content: str, options: ImportOptions) -> str:
    """Returns what two imports share that are the same.

    Args:
        content: a digest of what is imported.
        options: how it is imported.
    """
    token = "" if options.if_revision is None else options.if_revision.encode()
    text = f"{content} {options.ej_id or 0} {token}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def encode(summary: ImportSummary) -> str:
    """Returns a summary as text."""
    return msgspec.json.encode(
        {
            "counts": [summary.created, summary.updated, summary.unchanged, summary.deleted],
            "problems": [
                (one.entry, one.expression, one.severity.value, one.text) for one in summary.problems
            ],
            "errors": summary.errors,
            "warnings": summary.warnings,
            "revisions": [token.encode() for token in summary.revisions],
            "committed_at": None if summary.committed_at is None else summary.committed_at.isoformat(),
        }
    ).decode()


def decode(text: str) -> ImportSummary:
    """Returns the summary that a text was made of."""
    kept: dict[str, Any] = msgspec.json.decode(text)
    created, updated, unchanged, deleted = kept["counts"]
    return ImportSummary(
        created=created,
        updated=updated,
        unchanged=unchanged,
        deleted=deleted,
        problems=tuple(
            Problem(entry, expression, Severity(severity), problem)
            for entry, expression, severity, problem in kept["problems"]
        ),
        errors=kept["errors"],
        warnings=kept["warnings"],
        revisions=tuple(map(Token.decode, kept["revisions"])),
        committed_at=None if kept["committed_at"] is None else datetime.fromisoformat(kept["committed_at"]),
        is_repeated=True,
    )
