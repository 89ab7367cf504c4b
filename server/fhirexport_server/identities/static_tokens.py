"""Static tokens, for small sites: a file of names and hashes, so that who reads the file has no token."""

import hashlib
import hmac
import os
import re
import secrets
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.credential_errors import CredentialProblem, CredentialsInvalidError

LARGEST_TOKENS_FILE: Final = 256 * 1024
SHORTEST_TOKEN: Final = 32
"""In characters. A shorter token could be guessed from its hash, and is never accepted."""
_RANDOM_BYTES: Final = 32
_MOST_TOKENS: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH: Final = re.compile(r"sha256:([0-9a-f]{64})")


class TokensFileError(ValueError):
    """A file of tokens cannot be used. The message quotes nothing of it but a name."""


@dataclass(frozen=True)
class StaticTokens:
    """The tokens of a site: names, each with the SHA-256 of its token."""

    hashes: Mapping[str, bytes]

    def find(self, token: str) -> Identity | None:
        """Return whose token it is, in a time that does not tell how much of a hash is right."""
        if not token.isascii() or len(token) < SHORTEST_TOKEN:
            return None
        digest = token_hash(token)
        found = None
        for name, known in self.hashes.items():
            if hmac.compare_digest(digest, known):
                found = name
        return None if found is None else Identity("token", found)

    def identity(self, token: str) -> Identity:
        """Return whose token it is.

        Raises:
            CredentialsInvalidError: It is nobody's, or shorter than one may be.
        """
        if not token.isascii() or len(token) < SHORTEST_TOKEN:
            raise CredentialsInvalidError(CredentialProblem.MALFORMED)
        found = self.find(token)
        if found is None:
            raise CredentialsInvalidError(CredentialProblem.UNKNOWN_TOKEN)
        return found


def new_static_token(path: Path, name: str) -> str:
    """Return a new token, after its hash was added to a file, which is made where it is not there.

    Raises:
        TokensFileError: The name has a token already or is none, or the file is wrong. It is left as it is.
        OSError: The file cannot be read or written.
    """
    before = path.read_bytes() if path.exists() else b""
    if name in read_static_tokens(before).hashes:
        raise TokensFileError(f"has a token of {name} already: take its line out first")
    token = secrets.token_urlsafe(_RANDOM_BYTES)
    line = f'"{name}" = "sha256:{token_hash(token).hex()}"\n'.encode()
    after = before + (b"" if before.endswith(b"\n") or not before else b"\n") + line
    read_static_tokens(after)
    descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(after)
        if before:
            shutil.copymode(path, new)
        Path(new).replace(path)
    except OSError:
        Path(new).unlink(missing_ok=True)
        raise
    return token


def token_hash(token: str) -> bytes:
    """Return the SHA-256 of a token."""
    return hashlib.sha256(token.encode("ascii")).digest()


def read_static_tokens(content: bytes) -> StaticTokens:
    """Return the tokens that a file in TOML has: `name = "sha256:<64 hexadecimal digits>"`.

    Raises:
        TokensFileError: One line is wrong. Then none counts.
    """
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise TokensFileError('is no TOML in UTF-8 with lines such as name = "sha256:..."') from error
    if len(document) > _MOST_TOKENS:
        raise TokensFileError(f"has more than {_MOST_TOKENS} tokens")
    hashes: dict[str, bytes] = {}
    for name, value in document.items():
        if not _NAME.fullmatch(name):
            raise TokensFileError("has a name that is not of 1 to 64 letters, digits and . _ @ -")
        digest = _HASH.fullmatch(value) if isinstance(value, str) else None
        if digest is None:
            raise TokensFileError(
                f'{name} must be "sha256:" and 64 hexadecimal digits; names with dots need quotes'
            )
        hashes[name] = bytes.fromhex(digest[1])
    if len(set(hashes.values())) < len(hashes):
        raise TokensFileError("gives one token two names")
    return StaticTokens(hashes)
