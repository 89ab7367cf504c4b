"""The request of WatchExports, and its responses."""

from collections.abc import Iterable

from fhirexport.v1.export_service_pb2 import WatchExportsRequest, WatchExportsResponse

from fhirexport_server.domain.changes import Notice
from fhirexport_server.domain.datasets import EjDataset
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.domain.revision import Token
from fhirexport_server.rpc.exports.requests import DATASETS, NUMBERS

MOST_EXPORTS = 300
"""How many datasets one watch may have: the three of a hundred EJs."""


def watched(message: WatchExportsRequest) -> dict[EjDataset, str]:
    """Validate the request of a watch; return its datasets, each with the caller's revision or nothing.

    Raises:
      InvalidRequestError: The request is invalid; it names every wrong field.
    """
    if not 0 < len(message.exports) <= MOST_EXPORTS:
        description = f"must have from 1 to {MOST_EXPORTS} datasets: open several watches for more"
        raise InvalidRequestError((FieldViolation("exports", description),))
    known: dict[EjDataset, str] = {}
    violations: list[FieldViolation] = []
    for position, wanted in enumerate(message.exports):
        export, found = _checked(wanted, f"exports[{position}]")
        if export in known:
            found.append(
                FieldViolation(f"exports[{position}]", "must be another dataset than those before it")
            )
        violations += found
        if export is not None:
            known[export] = wanted.after_revision
    if violations:
        raise InvalidRequestError(tuple(violations))
    return known


def _checked(
    wanted: WatchExportsRequest.WatchedExport, path: str
) -> tuple[EjDataset | None, list[FieldViolation]]:
    """Return the dataset that is wanted, and what is wrong with it."""
    violations = []
    dataset = DATASETS.get(wanted.dataset)
    if wanted.ej_id <= 0:
        description = "must be a legal entity's id, such as 1: ListLegalEntities lists them"
        violations.append(FieldViolation(f"{path}.ej_id", description))
    if dataset is None:
        description = "must be DATASET_STRUCTURE, DATASET_PATIENTS or DATASET_VENUES"
        violations.append(FieldViolation(f"{path}.dataset", description))
    if violations or dataset is None:
        return None, violations
    export = EjDataset(wanted.ej_id, dataset)
    if wanted.after_revision and not _is_token_of(wanted.after_revision, export):
        description = "must be a `revision` of this dataset, from an earlier answer or import, unchanged"
        violations.append(FieldViolation(f"{path}.after_revision", description))
    return export, violations


def _is_token_of(text: str, export: EjDataset) -> bool:
    try:
        token = Token.decode(text)
    except ValueError:
        return False
    return EjDataset(token.ej_id, token.dataset) == export


def told(notices: Iterable[Notice]) -> WatchExportsResponse:
    """Return the message that tells of revisions."""
    response = WatchExportsResponse()
    for notice in notices:
        revision = response.exports.add(
            ej_id=notice.export.ej_id, dataset=NUMBERS[notice.export.dataset], revision=notice.revision
        )
        revision.notice_time.FromDatetime(notice.noticed)
    return response
