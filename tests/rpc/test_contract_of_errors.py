"""Shows that rpc/errors/, error_reason.proto and the table in docs/api.md say the same."""

import re
from pathlib import Path

import pytest
from fhirexport.v1.error_reason_pb2 import ErrorReason
from fhirexport_server.domain import errors as domain
from fhirexport_server.domain.errors import Fault
from fhirexport_server.domain.imports import Problem, Severity
from fhirexport_server.identities.credential_errors import (
    CredentialProblem,
    CredentialsInvalidError,
    CredentialsMissingError,
    CredentialsUncheckedError,
    MissingClue,
)
from fhirexport_server.rpc.admission.transport_errors import (
    IdleClientError,
    SlowClientError,
    TooManyBytesError,
    TooManyCallsError,
)
from fhirexport_server.rpc.errors.statuses import refusal
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from support.reasons import Row, documented

ROOT = Path(__file__).parents[2]
EXAMPLES: tuple[Exception, ...] = (
    domain.InvalidRequestError((domain.FieldViolation("ej_id", "must be an id"),)),
    DecodeError(),
    domain.EjNotFoundError(7),
    domain.AccessDeniedError(),
    domain.ExportTooLargeError(11, 10),
    domain.DatabaseUnavailableError(),
    domain.CacheUnavailableError(),
    domain.AuditUnavailableError(),
    domain.DatabaseReadOnlyError(),
    domain.SchemaMismatchError("2", "1"),
    domain.DatabaseAccessDeniedError("patient"),
    domain.DatabaseCorruptError(),
    domain.ChangesUntrackedError(Fault.TRIGGER_OFF, "patient_revision_insert"),
    domain.ConstraintRefusedError("patient", "patient_city_check"),
    domain.TemporaryStorageError("ENOSPC"),
    domain.TooManyExportsError(4),
    domain.SpoolFullError(10),
    domain.RowNotRenderableError("patient", 7),
    domain.ExportTimeoutError(30.0),
    SlowClientError(30.0),
    IdleClientError(15.0),
    TooManyCallsError(1000),
    TooManyBytesError(1024),
    domain.ImportRefusedError((Problem(3, "Bundle.entry[3]", Severity.ERROR, "must be sane"),), 1),
    domain.RevisionChangedError("token"),
    domain.RequestIdReusedError(),
    domain.WriteConflictError(),
    domain.TooManyImportsError(2),
    CredentialsMissingError(),
    CredentialsInvalidError(CredentialProblem.EXPIRED),
    CredentialsUncheckedError(MissingClue.KEYS),
    ValueError("a bug"),
)


def _sent(error: Exception) -> tuple[str, Row]:
    told = refusal(error)
    details = frozenset(type(detail).__name__ for detail in told.details)
    return told.reason_name, Row(told.code.name, frozenset(told.metadata), details)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_is_told_as_the_documentation_says(error: Exception) -> None:
    reason, row = _sent(error)
    assert row == documented()[reason]


def test_every_domain_error_has_a_refusal_of_its_own() -> None:
    kinds = {
        kind
        for kind in vars(domain).values()
        if isinstance(kind, type) and issubclass(kind, domain.FhirExportError)
    }
    assert kinds - {domain.FhirExportError} <= set(refusal.registry)


@pytest.mark.parametrize("problem", CredentialProblem)
def test_every_problem_of_a_credential_is_told_and_documented(problem: CredentialProblem) -> None:
    told = refusal(CredentialsInvalidError(problem))
    assert told.metadata == {"problem": problem.value}
    assert f"| `{problem.value}` |" in (ROOT / "docs/security.md").read_text()


def test_every_documented_reason_is_sent() -> None:
    assert {_sent(error)[0] for error in EXAMPLES} == set(documented())


def test_the_contract_has_the_reasons_that_are_sent() -> None:
    contract = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - an enum's wrapper
    # Earlier releases sent it; its number is not given to another.
    assert contract - {"NOT_IMPLEMENTED"} == set(documented())


def test_the_contract_has_the_codes_that_are_sent() -> None:
    text = (ROOT / "protos/fhirexport/v1/error_reason.proto").read_text()
    comments = re.findall(r"((?:  //.*\n)+)  ERROR_REASON_(\w+) =", text)
    codes = {reason: re.match(r"  // ([A-Z_]+)", comment) for comment, reason in comments}
    assert {reason: match[1] for reason, match in codes.items() if match and reason in documented()} == {
        reason: row.code for reason, row in documented().items()
    }


def test_as_many_violations_are_told_as_fit_into_a_trailer() -> None:
    violations = tuple(domain.FieldViolation(f"field_{n}", "must be sane" * 10) for n in range(100))
    told = refusal(domain.InvalidRequestError(violations)).status("id")
    assert isinstance(told, Status)
    written = told.SerializeToString()
    # In base64 it is a third longer, and clients refuse more than 8 KiB.
    assert 4096 < len(written) < 5500
    assert b"field_29" in written
    assert b"field_40" not in written


def test_one_violation_is_always_told() -> None:
    (detail,) = refusal(domain.InvalidRequestError((domain.FieldViolation("field", "x" * 5000),))).details
    assert b"field" in detail.SerializeToString()
