"""The validation of CacheAdmin's requests: each becomes domain values, or one complete error."""

import hashlib
import re
from collections.abc import Sequence

from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.cache_admin_pb2 import ListEntriesRequest, WarmRequest

from fhirexport_server.admin.pattern import EVERYTHING, Pattern, parse
from fhirexport_server.domain import tokens
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.rpc import call
from fhirexport_server.rpc.exports.requests import DATASETS, NUMBERS

_DEFAULT_SIZE = 100
_LARGEST_SIZE = 1000
_MOST_EJS = 10_000
_LONGEST_REASON = 256
_TOKEN = re.compile(r"c1:([0-9a-f]{16}):(0|[1-9][0-9]{0,38}):(0|[1-9][0-9]{0,9})", re.ASCII)


def audit(action: str, scope: str, reason: str) -> AuditEntry:
    """Return the audit entry of the call in progress.

    Raises:
      InvalidRequestError: The reason is too long, or not printable.
    """
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        text = f"must be at most {_LONGEST_REASON} printable characters on one line"
        raise InvalidRequestError((FieldViolation("reason", text),))
    current = call.current()
    actor = current.peer if current.identity is None else current.identity.key
    return AuditEntry(actor, action, scope, 0, reason, current.request_id)


def listing(message: ListEntriesRequest) -> tuple[Pattern, int, tuple[int, int]]:
    """Validate the request for a page of entries; return the pattern, the size and the cursor.

    Raises:
      InvalidRequestError: The request is invalid; it names every wrong field.
    """
    violations: list[FieldViolation] = []
    pattern = None
    try:
        pattern = parse(message.pattern or EVERYTHING)
    except InvalidRequestError as error:
        violations += error.violations
    if not 0 <= message.page_size <= _LARGEST_SIZE:
        violations.append(FieldViolation("page_size", f"must be from 1 to {_LARGEST_SIZE}, or left out"))
    cursor = _cursor(message.page_token, message.pattern) if message.page_token else (0, 0)
    if cursor is None:
        text = "must be the next_page_token of a page with the same pattern"
        violations.append(FieldViolation("page_token", text))
    if violations or pattern is None or cursor is None:
        raise InvalidRequestError(tuple(violations))
    return pattern, message.page_size or _DEFAULT_SIZE, cursor


def token(pattern: str, cursor: tuple[int, int]) -> str:
    """Return the token of the page at a cursor. It is valid for this pattern only (AIP-158)."""
    place, passed = cursor
    return tokens.seal(f"c1:{_digest(pattern)}:{place}:{passed}")


def warming(message: WarmRequest) -> tuple[tuple[int, ...], tuple[Dataset, ...]]:
    """Return the EJs and datasets to warm. No EJ stands for all of them.

    Raises:
      InvalidRequestError: The request is invalid; it names every wrong field.
    """
    violations: list[FieldViolation] = []
    if len(message.ej_ids) > _MOST_EJS:
        violations.append(FieldViolation("ej_ids", f"must have at most {_MOST_EJS} values"))
    else:
        violations += [
            FieldViolation(f"ej_ids[{place}]", "must be a legal entity's id, such as 1")
            for place, ej_id in enumerate(message.ej_ids)
            if ej_id <= 0
        ]
    datasets = _datasets(message.datasets, violations)
    if violations:
        raise InvalidRequestError(tuple(violations))
    return tuple(dict.fromkeys(message.ej_ids)), datasets or tuple(Dataset)


def _datasets(numbers: Sequence[int], violations: list[FieldViolation]) -> tuple[Dataset, ...]:
    datasets: dict[Dataset, None] = {}
    if len(numbers) > 2 * len(Dataset):
        violations.append(FieldViolation("datasets", f"must have at most {len(Dataset)} values"))
        return ()
    for place, number in enumerate(numbers):
        dataset = DATASETS.get(number)
        if dataset is None:
            names = ", ".join(types.Dataset.Name(value) for value in NUMBERS.values())
            violations.append(FieldViolation(f"datasets[{place}]", f"must be one of {names}"))
        else:
            datasets[dataset] = None
    return tuple(datasets)


def _digest(pattern: str) -> str:
    return hashlib.sha256(pattern.encode()).hexdigest()[:16]


def _cursor(text: str, pattern: str) -> tuple[int, int] | None:
    """Return the cursor in a token of this pattern; None for any other text."""
    match = _TOKEN.fullmatch(tokens.unseal(text) or "")
    if match is None or match[1] != _digest(pattern):
        return None
    cursor = int(match[2]), int(match[3])
    return cursor if cursor[0] < 2**128 else None
