"""What a server looks callers up in: an issuer's keys and static tokens, each read again while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from fhirexport_server.identities.fetched_keys import FetchedKeys
from fhirexport_server.identities.key_set import LARGEST_DOCUMENT, KeySet, read_key_set
from fhirexport_server.identities.static_tokens import (
    LARGEST_TOKENS_FILE,
    StaticTokens,
    read_static_tokens,
)
from fhirexport_server.runtime.reading.kept_content import LoadOutcome
from fhirexport_server.runtime.reading.kept_file import KeptFile

SOURCES: Final = ("jwks", "tokens")
"""The names of the sources, in the metrics."""
Source: TypeAlias = "KeptFile[KeySet] | KeptFile[StaticTokens] | FetchedKeys"


@dataclass(frozen=True)
class IdentitySources:
    """The sources of one server."""

    keys: KeptFile[KeySet] | FetchedKeys | None
    tokens: KeptFile[StaticTokens] | None

    @property
    def present(self) -> Mapping[str, Source]:
        """Those there are, by their names."""
        found: dict[str, Source | None] = {"jwks": self.keys, "tokens": self.tokens}
        return {name: source for name, source in found.items() if source is not None}


def open_sources(
    jwks: str | None, tokens_file: Path | None, noted: Callable[[str, LoadOutcome], None]
) -> IdentitySources:
    """Return the sources. Call it inside the event loop.

    Args:
        jwks: The file or the https address of the keys.
        tokens_file: The file of the static tokens.
        noted: Is told how each new content of a source was taken.

    Raises:
        KeptFileError: A file cannot be used. An address may be out of reach for now.
    """
    keys: KeptFile[KeySet] | FetchedKeys | None = None
    if jwks is not None and "://" in jwks:
        keys = FetchedKeys(jwks, lambda outcome: noted("jwks", outcome))
    elif jwks is not None:
        keys = KeptFile(
            Path(jwks),
            "JWT_JWKS",
            read_key_set,
            largest=LARGEST_DOCUMENT,
            noted=lambda outcome: noted("jwks", outcome),
        )
    tokens = None
    if tokens_file is not None:
        tokens = KeptFile(
            tokens_file,
            "TOKENS_FILE",
            read_static_tokens,
            largest=LARGEST_TOKENS_FILE,
            noted=lambda outcome: noted("tokens", outcome),
        )
    return IdentitySources(keys, tokens)
