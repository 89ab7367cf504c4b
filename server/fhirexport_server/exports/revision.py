"""Owns the two texts that name a state of the data: the revision token and the etag."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.fhir.version import RENDERER_VERSION
from fhirexport_server.store.snapshot import Revision

_VERSION = "r1"
_PARTS = 6


@dataclass(frozen=True)
class Token:
    """A revision of one EJ's dataset, as callers carry it about."""

    ej_id: int
    dataset: Dataset
    revision: Revision

    def encode(self) -> str:
        """Returns the token: opaque to callers, URL-safe."""
        incarnation, n, digest = self.revision
        text = " ".join((_VERSION, incarnation, str(self.ej_id), self.dataset, str(n), str(digest)))
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Token":
        """Reads a token.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            padded = text + "=" * (-len(text) % 4)
            parts = urlsafe_b64decode(padded.encode("ascii")).decode("ascii").split(" ")
        except (Base64Error, UnicodeError) as error:
            raise ValueError("not base64url of ASCII") from error
        if len(parts) != _PARTS or parts[0] != _VERSION:
            raise ValueError("not a token of this version")
        _, incarnation, ej_id, dataset, n, digest = parts
        token = cls(int(ej_id), Dataset(dataset), Revision(incarnation, int(n), int(digest)))
        if token.encode() != text:
            raise ValueError("not written as we write it")
        return token


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


def etag(revision: Revision, request: ExportRequest, base_url: str) -> str:
    """Returns the validator of a rendering, without quotes: equal means equal bytes (RFC 9110, strong).

    It covers all that shapes the bytes: the data's revision, the renderer, the base URL, the format.
    """
    inputs = (
        RENDERER_VERSION,
        revision.incarnation,
        base_url,
        str(request.ej_id),
        request.dataset,
        request.format,
        request.detail,
    )
    fingerprint = hashlib.sha256("\n".join(inputs).encode()).hexdigest()
    return f"{revision.n:x}-{revision.digest & 0xFFFF_FFFF_FFFF_FFFF:x}-{fingerprint[:16]}"
