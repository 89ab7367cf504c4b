"""The pages of ListLegalEntities: the validation of its request, and its page tokens."""

import re
from dataclasses import dataclass

from fhirexport.v1.export_service_pb2 import ListLegalEntitiesRequest

from fhirexport_server.domain import tokens
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError

_DEFAULT_SIZE = 100
_LARGEST_SIZE = 1000
_FINESS = re.compile(r"[0-9A-Z]{9}")
_TOKEN = re.compile(r"1:([0-9A-Z]{9})?:(0|[1-9][0-9]{0,18})")
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Page:
    """A request for a page of EJs."""

    finess: str | None
    """Only the EJ with this FINESS number; None for all."""
    after_id: int
    """Only EJs with a larger id."""
    size: int

    def next_token(self, last_id: int) -> str:
        """Return the token of the next page. It is valid for this query only (AIP-158)."""
        return _encoded(self.finess or "", last_id)


def page(message: ListLegalEntitiesRequest) -> Page:
    """Validate the request for a page.

    Raises:
      InvalidRequestError: The request is invalid; it names every wrong field.
    """
    violations = []
    if not 0 <= message.page_size <= _LARGEST_SIZE:
        violations.append(FieldViolation("page_size", f"must be from 1 to {_LARGEST_SIZE}, or left out"))
    if message.finess and not _FINESS.fullmatch(message.finess):
        violations.append(FieldViolation("finess", "must be nine digits or capitals, such as 750712184"))
    after_id = _after_id(message.page_token, message.finess) if message.page_token else 0
    if after_id is None:
        violations.append(
            FieldViolation("page_token", "must be the next_page_token of a page with the same finess")
        )
    if violations or after_id is None:
        raise InvalidRequestError(tuple(violations))
    return Page(message.finess or None, after_id, message.page_size or _DEFAULT_SIZE)


def _encoded(finess: str, last_id: int) -> str:
    return tokens.seal(f"1:{finess}:{last_id}")


def _after_id(token: str, finess: str) -> int | None:
    """Return the id in a token of this query; None for any other text."""
    match = _TOKEN.fullmatch(tokens.unseal(token) or "")
    if match is None or (match[1] or "") != finess:
        return None
    after_id = int(match[2])
    return after_id if after_id <= _LARGEST_ID else None
