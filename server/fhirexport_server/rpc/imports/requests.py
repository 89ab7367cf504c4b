"""The validation of ImportService's requests: each becomes domain values, or one complete error."""

import re
from collections.abc import AsyncIterator
from typing import Final

from fhirexport.v1.import_service_pb2 import ImportBundleRequest, ImportOptions, ImportResourcesRequest

from fhirexport_server.domain import imports as domain
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.domain.revision import Token

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST_TOKEN: Final = 512
_NO_BUNDLE: Final = "must be a FHIR Bundle as JSON"
_NO_OPTIONS: Final = "must be the first message, once: send {} where there is nothing to say"
_NO_CHUNK: Final = "must hold the next bytes of the NDJSON"
_EJ: Final = "must be a legal entity's id, such as 1: ListLegalEntities lists them; or be left out"
_REQUEST_ID: Final = "must be a UUID, such as 6fc13d5c-7bd4-4a09-8d1a-0a4fe7f8a5ac, or be left out"
_REVISION: Final = "must be the revision of an earlier answer about the same legal entity, or be left out"


def bundle(message: ImportBundleRequest, limit_bytes: int) -> tuple[bytes, domain.ImportOptions]:
    """Validate the request of an import of one Bundle.

    Args:
      message: The request.
      limit_bytes: The size of the largest Bundle.

    Raises:
      InvalidRequestError: The request is invalid; it names every wrong field.
    """
    options, violations = _options(message.options, "options.")
    content = message.bundle.encode()
    if not content:
        violations.append(FieldViolation("bundle", _NO_BUNDLE))
    elif len(content) > limit_bytes:
        text = f"must be at most {limit_bytes} bytes long, and is {len(content)}: use ImportResources"
        violations.append(FieldViolation("bundle", text))
    if violations:
        raise InvalidRequestError(tuple(violations))
    return content, options


async def begun(messages: AsyncIterator[ImportResourcesRequest]) -> domain.ImportOptions:
    """Return the options from the first message of a stream.

    Raises:
      InvalidRequestError: The message is missing, or invalid.
    """
    async for message in messages:
        if message.WhichOneof("message") == "options":
            options, violations = _options(message.options, "options.")
            if violations:
                raise InvalidRequestError(tuple(violations))
            return options
        break
    raise InvalidRequestError((FieldViolation("options", _NO_OPTIONS),))


async def chunks(messages: AsyncIterator[ImportResourcesRequest]) -> AsyncIterator[bytes]:
    """Yield the content of the messages that follow.

    Raises:
      InvalidRequestError: A message holds no content, or there is none.
    """
    count = 0
    async for message in messages:
        match message.WhichOneof("message"):
            case "chunk" if content := message.chunk:  # once: each reading of the field copies it
                count += 1
                yield content
            case "options":
                raise InvalidRequestError((FieldViolation("options", _NO_OPTIONS),))
            case _:
                raise InvalidRequestError((FieldViolation("chunk", _NO_CHUNK),))
    if not count:
        raise InvalidRequestError((FieldViolation("chunk", _NO_CHUNK),))


def _options(message: ImportOptions, path: str) -> tuple[domain.ImportOptions, list[FieldViolation]]:
    violations = []
    if message.ej_id < 0:
        violations.append(FieldViolation(f"{path}ej_id", _EJ))
    request_id = message.request_id.lower()
    if request_id and not _UUID.fullmatch(request_id):
        violations.append(FieldViolation(f"{path}request_id", _REQUEST_ID))
    token = None
    if message.if_revision:
        token = _token(message.if_revision)
        if token is None or message.ej_id not in {0, token.ej_id}:
            violations.append(FieldViolation(f"{path}if_revision", _REVISION))
    options = domain.ImportOptions(
        ej_id=message.ej_id or None,
        validate_only=message.validate_only,
        request_id=request_id,
        if_revision=token,
    )
    return options, violations


def _token(text: str) -> Token | None:
    if len(text) > _LONGEST_TOKEN:
        return None
    try:
        return Token.decode(text)
    except ValueError:
        return None
