"""The validation of ExportService's requests: each becomes a domain request, or one complete error."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ExportVenuesRequest,
    StreamExportRequest,
)

from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.exports.request import (
    NOTHING,
    AtLeast,
    Bypass,
    Consistency,
    ExportRequest,
    Have,
    MaxStaleness,
    Strict,
)

UnaryRequest = ExportStructureRequest | ExportPatientsRequest | ExportVenuesRequest

NUMBERS: dict[Dataset, types.Dataset.ValueType] = {
    Dataset.STRUCTURE: types.DATASET_STRUCTURE,
    Dataset.PATIENTS: types.DATASET_PATIENTS,
    Dataset.VENUES: types.DATASET_VENUES,
}
"""The contract's number of each dataset."""
DATASETS: dict[int, Dataset] = {number: dataset for dataset, number in NUMBERS.items()}
_FORMATS: dict[int, Format] = {
    types.FORMAT_BUNDLE: Format.BUNDLE,
    types.FORMAT_TRANSACTION: Format.TRANSACTION,
    types.FORMAT_NDJSON: Format.NDJSON,
}
_DETAILS: dict[int, Detail] = {
    types.VENUE_DETAIL_UNSPECIFIED: Detail.SUMMARY,
    types.VENUE_DETAIL_SUMMARY: Detail.SUMMARY,
    types.VENUE_DETAIL_MOVEMENTS: Detail.MOVEMENTS,
}
_ENCODINGS: frozenset[int] = frozenset(types.Encoding.values())
# RFC 9110, 8.8.3: etagc in ASCII, longer than ours ever are.
_ETAG = re.compile(r"[\x21\x23-\x7e]{1,128}")
_MOST_STALE_SECONDS = 86_400
_NANOS = 1_000_000_000
_MOST_ENCODINGS = 10
_LONGEST_TOKEN = 512
_ROOT = re.compile(r"[0-9a-f]{64}")
_DIGEST_BYTES = 32
MOST_DIGESTS = 100_000
"""How many segments a caller may name."""


@dataclass(frozen=True)
class ValidRequest:
    """A validated request, and the encoding that its response may have."""

    request: ExportRequest
    zstd: bool
    """Whether the caller understands Zstandard frames."""


def unary(message: UnaryRequest, dataset: Dataset) -> ValidRequest:
    """Validate the request of an export in one message.

    Raises:
      InvalidRequestError: The request is invalid; it names every wrong field.
    """
    reader = _Reader()
    detail = message.detail if isinstance(message, ExportVenuesRequest) else types.VENUE_DETAIL_UNSPECIFIED
    form = "zstd" if types.ENCODING_ZSTD in message.accept_encodings else "json"
    return reader.valid_request(message, dataset, message.format or types.FORMAT_BUNDLE, detail, form=form)


def stream(message: StreamExportRequest) -> ValidRequest:
    """Validate the request of a streamed export.

    Raises:
      InvalidRequestError: The request is invalid; it names every wrong field.
    """
    reader = _Reader()
    dataset = DATASETS.get(message.dataset)
    if dataset is None:
        reader.refuse("dataset", "must be DATASET_STRUCTURE, DATASET_PATIENTS or DATASET_VENUES")
    elif dataset is not Dataset.VENUES and message.detail:
        reader.refuse("detail", "is only for DATASET_VENUES: leave it out")
    have = reader.have(message.have)
    return reader.valid_request(
        message, dataset or Dataset.VENUES, message.format or types.FORMAT_NDJSON, message.detail, have=have
    )


class _Reader:
    """Validates the fields that the requests share, and collects the violations."""

    def __init__(self) -> None:
        self._violations: list[FieldViolation] = []

    def refuse(self, field: str, description: str) -> None:
        self._violations.append(FieldViolation(field, description))

    def have(self, message: StreamExportRequest.Have) -> Have:
        if message.root and message.digests:
            self.refuse("have", "must have a root or digests, not both")
        if message.root and not _ROOT.fullmatch(message.root):
            self.refuse(
                "have.root", "must be the root of an earlier answer: 64 lower-case hexadecimal digits"
            )
            return NOTHING
        if len(message.digests) > MOST_DIGESTS:
            self.refuse("have.digests", f"must have at most {MOST_DIGESTS} values: leave the others out")
            return NOTHING
        digests = tuple(message.digests)
        sizes = list(map(len, digests))
        if sizes.count(_DIGEST_BYTES) != len(sizes):
            position = next(number for number, size in enumerate(sizes) if size != _DIGEST_BYTES)
            self.refuse(f"have.digests[{position}]", f"must be {_DIGEST_BYTES} bytes: a chunk's digest")
        return Have(bytes.fromhex(message.root), digests)

    def valid_request(
        self,
        message: UnaryRequest | StreamExportRequest,
        dataset: Dataset,
        asked_format: int,
        asked_detail: int,
        *,
        have: Have = NOTHING,
        form: str = "",
    ) -> ValidRequest:
        if message.ej_id <= 0:
            self.refuse("ej_id", "must be a legal entity's id, such as 1: ListLegalEntities lists them")
        layout = _FORMATS.get(asked_format)
        if layout is None:
            self.refuse("format", "must be FORMAT_BUNDLE, FORMAT_TRANSACTION or FORMAT_NDJSON")
        detail = _DETAILS.get(asked_detail)
        if detail is None:
            self.refuse("detail", "must be VENUE_DETAIL_SUMMARY or VENUE_DETAIL_MOVEMENTS")
        etag = self._etag(message.if_none_match)
        consistency = self._consistency(message.consistency)
        self._encodings(message.accept_encodings)
        if self._violations or layout is None or detail is None:
            raise InvalidRequestError(tuple(self._violations))
        request = ExportRequest(message.ej_id, dataset, layout, detail, consistency, etag, have, form)
        return ValidRequest(request, zstd=types.ENCODING_ZSTD in message.accept_encodings)

    def _etag(self, text: str) -> str:
        """Return an etag without its quotes, and without `W/`: If-None-Match compares weakly (RFC 9110)."""
        bare = text.removeprefix("W/")
        if len(bare) > 1 and bare.startswith('"') and bare.endswith('"'):
            bare = bare[1:-1]
        if text and (bare == "*" or not _ETAG.fullmatch(bare)):
            self.refuse(
                "if_none_match", 'must be one etag of an earlier answer, such as "5f2c8a": not * or a list'
            )
        return bare

    def _consistency(self, message: types.Consistency) -> Consistency:
        match message.WhichOneof("requirement"):
            case "max_staleness":
                return self._max_staleness(message.max_staleness.seconds, message.max_staleness.nanos)
            case "at_least":
                if not 0 < len(message.at_least) <= _LONGEST_TOKEN:
                    self.refuse("consistency.at_least", "must be the revision of an earlier answer")
                return AtLeast(message.at_least)
            case "bypass_cache":
                if not message.bypass_cache:
                    self.refuse("consistency.bypass_cache", "must be true, or left out")
                return Bypass()
            case _:
                return Strict()

    def _max_staleness(self, seconds: int, nanos: int) -> MaxStaleness:
        if not (0 <= nanos < _NANOS and 0 <= seconds * _NANOS + nanos <= _MOST_STALE_SECONDS * _NANOS):
            self.refuse("consistency.max_staleness", "must be from 0s to 86400s, such as 60s")
        return MaxStaleness(seconds + nanos / _NANOS)

    def _encodings(self, encodings: Sequence[int]) -> None:
        if len(encodings) > _MOST_ENCODINGS:
            self.refuse("accept_encodings", f"must have at most {_MOST_ENCODINGS} values")
            return
        for position, encoding in enumerate(encodings):
            if encoding not in _ENCODINGS:
                self.refuse(f"accept_encodings[{position}]", "must be ENCODING_IDENTITY or ENCODING_ZSTD")
