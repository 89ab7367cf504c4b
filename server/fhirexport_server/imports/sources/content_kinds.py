"""Recognizes content that is not NDJSON or not a Bundle, so that one error can say what it is."""

from typing import Final

import msgspec

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError

BOM: Final = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which parsers may ignore (RFC 8259)."""
HEAD_BYTES: Final = 8
_OTHERS: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"{\x00", "UTF-16"),
    (b"\x00{", "UTF-16"),
)
_RULE: Final = "must be NDJSON in UTF-8, one resource in each line, and is {}"
_INDENTED: Final = (
    "JSON over several lines: a Bundle is sent with ImportBundle, and jq -c . writes each resource in a line"
)
_NDJSON: Final = "must be one Bundle, and is NDJSON: ImportResources takes that"


class _Resource(msgspec.Struct):
    resourceType: str = ""  # noqa: N815 - FHIR's name


_ANY: Final = msgspec.json.Decoder(_Resource)


class FirstLines:
    """The first lines of NDJSON. Every method raises InvalidRequestError if they are something else."""

    def __init__(self) -> None:
        self._count = 0
        self._is_cut = False

    @property
    def is_over(self) -> bool:
        """Whether enough lines were seen."""
        return self._count > 1

    @staticmethod
    def head(content: bytes) -> None:
        """Check the first bytes of the content."""
        for magic, name in _OTHERS:
            if content.startswith(magic):
                raise _refused(_RULE.format(name))

    def line(self, content: bytes) -> None:
        """Check a line that is not empty: the first, then the second."""
        self._count += 1
        if self._count == 1:
            self._first(content)
        elif self._is_cut and not _is_object(content):
            raise _refused(_RULE.format(_INDENTED))

    def _first(self, content: bytes) -> None:
        if content.startswith(b"["):
            raise _refused(_RULE.format("a JSON array: jq -c .[] writes its resources in lines"))
        if not content.startswith(b"{"):
            return
        try:
            if _ANY.decode(content).resourceType == "Bundle":
                raise _refused(_RULE.format("a Bundle: ImportBundle takes that, of 8 MiB at most"))
        except msgspec.ValidationError:
            return
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._is_cut = "truncated" in str(error)
            if "trailing" in str(error) and content[_end(str(error)) :].lstrip().startswith(b"{"):
                raise _refused(_RULE.format("several resources in one line")) from None


def empty() -> InvalidRequestError:
    """Return the error for an import without resources."""
    return _refused("must be NDJSON that holds at least one resource")


def bundle_rule(content: bytes, rule: str) -> str:
    """Return the rule that a text breaks which should be a Bundle and is not JSON."""
    first, _, others = content.removeprefix(BOM).lstrip().partition(b"\n")
    return _NDJSON if others.strip() and _is_object(first) else rule


def _end(message: str) -> int:
    """Return where the first value ends, from msgspec's message: `trailing characters (byte 8)`."""
    digits = "".join(character for character in message.rpartition("(")[2] if character.isdigit())
    return max(int(digits or 0) - 1, 0)


def _is_object(content: bytes) -> bool:
    try:
        _ANY.decode(content)
    except msgspec.ValidationError:
        return content.lstrip().startswith(b"{")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _refused(text: str) -> InvalidRequestError:
    return InvalidRequestError((FieldViolation("chunk", text),))
