"""Revisions of an EJ's datasets, and the tokens in which callers hold them."""

from dataclasses import dataclass
from typing import NamedTuple

from fhirexport_server.domain import tokens
from fhirexport_server.domain.datasets import Dataset

_VERSION = "r1"
_PARTS = 6


class Revision(NamedTuple):
    """The state of a dataset's data. Equal revisions mean equal data; no other comparison is defined."""

    incarnation: str
    """The identity of the database; a restored copy must get a new one."""
    n: int
    """The number of changes so far."""
    digest: int
    """A digest of the changes."""


@dataclass(frozen=True)
class Token:
    """A revision of one EJ's dataset, as callers hold it."""

    ej_id: int
    dataset: Dataset
    revision: Revision

    def encode(self) -> str:
        """Return the token: opaque to callers, URL-safe."""
        incarnation, n, digest = self.revision
        text = " ".join((_VERSION, incarnation, str(self.ej_id), self.dataset, str(n), str(digest)))
        return tokens.seal(text)

    @classmethod
    def decode(cls, text: str) -> "Token":
        """Read a token.

        Raises:
            ValueError: The text is no token of this service.
        """
        parts = (tokens.unseal(text) or "").split(" ")
        if len(parts) != _PARTS or parts[0] != _VERSION:
            raise ValueError("not a token of this version")
        _, incarnation, ej_id, dataset, n, digest = parts
        token = cls(int(ej_id), Dataset(dataset), Revision(incarnation, int(n), int(digest)))
        if token.encode() != text:
            raise ValueError("not written as we write it")
        return token
