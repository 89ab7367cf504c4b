"""How requests and renderings name a state of the data: etags, and the tokens of `consistency.at_least`."""

import hashlib

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.fhir.renderer_version import RENDERER_VERSION


def require(text: str, request: ExportRequest) -> Token:
    """Decode the token of `consistency.at_least`, which must be one of the requested dataset.

    Raises:
        InvalidRequestError: The token is malformed, or of another EJ or dataset.
    """
    path = "consistency.at_least"
    try:
        token = Token.decode(text)
    except ValueError:
        description = "must be the `revision` of an earlier answer or import, unchanged"
        raise InvalidRequestError((FieldViolation(path, description),)) from None
    if (token.ej_id, token.dataset) != (request.ej_id, request.dataset):
        description = "must be a `revision` of the same ej_id and dataset"
        raise InvalidRequestError((FieldViolation(path, description),))
    return token


def fingerprint(incarnation: str, request: ExportRequest, base_url: str) -> str:
    """Return the end of a rendering's etags: a hash of all that shapes its bytes, but for the revision.

    That is the database, the renderer, the base URL, the EJ, the dataset and the layout.
    """
    inputs = (
        RENDERER_VERSION,
        incarnation,
        base_url,
        str(request.ej_id),
        request.dataset,
        request.format,
        request.detail,
    )
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:16]


def etag(revision: Revision, request: ExportRequest, base_url: str) -> str:
    """Return the strong validator of a rendering (RFC 9110), without quotes: equal etags mean equal bytes."""
    end = fingerprint(revision.incarnation, request, base_url)
    return f"{revision.n:x}-{revision.digest & 0xFFFF_FFFF_FFFF_FFFF:x}-{end}"


def shape(text: str) -> str:
    """Return the part of an etag that says all that shapes a rendering but its revision (`fingerprint`)."""
    return text.rpartition("-")[2]


def is_behind(present: Revision, required: Revision) -> bool:
    """Return whether the present revision lacks changes of a required one, as on a lagging replica.

    Revisions of different incarnations cannot be compared; then the present state is served.
    """
    return required.incarnation == present.incarnation and present.n < required.n
