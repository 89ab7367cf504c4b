"""Owns how a request names a state of the data: the etag that its answer has, the token that it demands."""

import hashlib

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.fhir.renderer_version import RENDERER_VERSION


def require(text: str, request: ExportRequest) -> Token:
    """Reads the token of `consistency.at_least`, which must be of the dataset that is asked for.

    Raises:
        InvalidRequestError: it is malformed, or of another EJ or dataset.
    """
    path = "consistency.at_least"
    try:
        token = Token.decode(text)
    except ValueError:
        what = "must be the `revision` of an earlier answer or import, unchanged"
        raise InvalidRequestError((FieldViolation(path, what),)) from None
    if (token.ej_id, token.dataset) != (request.ej_id, request.dataset):
        what = "must be a `revision` of the same ej_id and dataset"
        raise InvalidRequestError((FieldViolation(path, what),))
    return token


def fingerprint(incarnation: str, request: ExportRequest, base_url: str) -> str:
    """Returns what every etag of one rendering ends with: all that shapes its bytes but the revision.

    That is the database, the renderer, the base URL, whose data it is and how it is laid out.
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
    """Returns the validator of a rendering, without quotes: equal means equal bytes (RFC 9110, strong)."""
    shape = fingerprint(revision.incarnation, request, base_url)
    return f"{revision.n:x}-{revision.digest & 0xFFFF_FFFF_FFFF_FFFF:x}-{shape}"


def is_behind(found: Revision, wanted: Revision) -> bool:
    """Says whether a database lacks a revision that it has shown before, as a lagging replica does.

    A revision of another incarnation says nothing about this one; the state of now is then the answer.
    """
    return wanted.incarnation == found.incarnation and found.n < wanted.n
