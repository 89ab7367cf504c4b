"""Owns the revision: how far an EJ's dataset has come, and the token that callers carry it about in."""

from dataclasses import dataclass
from typing import NamedTuple

from fhirexport_server.domain import tokens
from fhirexport_server.domain.datasets import Dataset

_VERSION = "r1"
_PARTS = 6


class Revision(NamedTuple):
    """How far a dataset has come. Equal means the same data; only equality means anything."""

    incarnation: str
    """Which database this is; a restored copy must get another one."""
    n: int
    """How many changes there have been."""
    digest: int
    """Which changes they were."""


@dataclass(frozen=True)
class Token:
    """A revision of one EJ's dataset, as callers carry it about."""

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
            ValueError: It is none of ours.
        """
        parts = (tokens.unseal(text) or "").split(" ")
        if len(parts) != _PARTS or parts[0] != _VERSION:
            raise ValueError("not a token of this version")
        _, incarnation, ej_id, dataset, n, digest = parts
        token = cls(int(ej_id), Dataset(dataset), Revision(incarnation, int(n), int(digest)))
        if token.encode() != text:
            raise ValueError("not written as we write it")
        return token
