"""The file of the keys that seal what lies in Redis: the first key seals, all unseal."""

import os
import re
import secrets
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fhirexport_server.runtime.reading.kept_content import LoadOutcome
from fhirexport_server.runtime.reading.kept_file import KeptFile
from fhirexport_server.sealing.key_ring import KEY_BYTES, LONGEST_NAME, KeyRing, SealingKey

LARGEST_KEYS_FILE: Final = 16 * 1024
MOST_KEYS: Final = 16
_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")
_SECRET: Final = re.compile(rf"[0-9a-f]{{{2 * KEY_BYTES}}}")
_MEMBERS: Final = {"naming", "keys"}
_KEY_MEMBERS: Final = {"name", "aes256"}
_KEYS: Final = re.compile(rb"^\s*\[\[\s*keys\s*\]\]", re.MULTILINE)


class KeysFileError(ValueError):
    """A file of keys cannot be used. The message quotes nothing of it but a name."""


def open_keys_file(path: Path, noted: Callable[[LoadOutcome], None]) -> KeptFile[KeyRing]:
    """Return the keys of a file, which is read again while its `run` does. Call it inside the event loop.

    Raises:
        KeptFileError: The file cannot be used, or others than its owner and its group may read it.
    """
    return KeptFile(
        path,
        "CACHE_KEYS_FILE",
        read_keys_file,
        largest=LARGEST_KEYS_FILE,
        noted=noted,
        about="cache_keys",
        private=True,
    )


def read_keys_file(content: bytes) -> KeyRing:
    """Return the keys that a file in TOML has.

    Raises:
        KeysFileError: One line is wrong. Then no key counts.
    """
    naming, keys = _read(content)
    return KeyRing(keys, naming)


def add_key(path: Path, name: str, *, last: bool = False) -> None:
    """Add a new key to a file, which is made, for its owner alone, where it is not there.

    Args:
        path: The file.
        name: The key's name.
        last: Whether the key comes last, so that it only unseals yet; else it comes first, and seals.

    Raises:
        KeysFileError: There is a key of this name or it is none, or the file is wrong. It is left as it is.
        OSError: The file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise KeysFileError(f"a name is 1 to {LONGEST_NAME} letters, digits and . _ -")
    before = path.read_bytes() if path.exists() else b""
    if before and name in {key.name for key in _read(before)[1]}:
        raise KeysFileError(f"has a key of the name {name} already")
    block = f'[[keys]]\nname = "{name}"\naes256 = "{secrets.token_hex(KEY_BYTES)}"\n'.encode()
    if not before:
        naming = secrets.token_hex(KEY_BYTES)
        after = f'# It stays when keys are replaced.\nnaming = "{naming}"\n\n'.encode() + block
    elif last:
        after = before.rstrip() + b"\n\n" + block
    else:
        first = _KEYS.search(before)
        if first is None:
            raise KeysFileError("has its keys in another form than [[keys]]: add one by hand")
        after = before[: first.start()].rstrip() + b"\n\n" + block + b"\n" + before[first.start() :].lstrip()
    if [key.name for key in _read(after)[1]][-1 if last else 0] != name:
        raise KeysFileError("has its keys in another form than [[keys]]: add one by hand")
    _replace(path, after)


def _replace(path: Path, content: bytes) -> None:
    # It is made for its owner alone.
    descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
        if path.exists():
            shutil.copymode(path, new)
        Path(new).replace(path)
    except OSError:
        Path(new).unlink(missing_ok=True)
        raise


def _read(content: bytes) -> tuple[bytes, list[SealingKey]]:
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError):
        raise KeysFileError("is no TOML in UTF-8") from None
    blocks = document.get("keys")
    if set(document) != _MEMBERS or not isinstance(blocks, list):
        raise KeysFileError('must have naming = "...", [[keys]], and nothing else')
    if not 1 <= len(blocks) <= MOST_KEYS:
        raise KeysFileError(f"must have 1 to {MOST_KEYS} keys")
    keys = [_key(block) for block in blocks]
    if len({key.name for key in keys}) < len(keys):
        raise KeysFileError("gives one name to two keys")
    naming = _secret(document["naming"], "naming")
    if len({naming, *(key.secret for key in keys)}) < len(keys) + 1:
        raise KeysFileError("has the same secret twice")
    return naming, keys


def _key(block: object) -> SealingKey:
    if not isinstance(block, dict) or set(block) != _KEY_MEMBERS:
        raise KeysFileError("must have name and aes256, and nothing else, in each of [[keys]]")
    name = block["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise KeysFileError(f"has a name that is not of 1 to {LONGEST_NAME} letters, digits and . _ -")
    return SealingKey(name, _secret(block["aes256"], f"aes256 of {name}"))


def _secret(value: object, member: str) -> bytes:
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise KeysFileError(f"{member} must be {2 * KEY_BYTES} hexadecimal digits in lower case")
    if len(set(value)) == 1:
        raise KeysFileError(f"{member} is no secret: it has one digit only")
    return bytes.fromhex(value)
