"""Recognizes what comes in the place of NDJSON or of a Bundle, so that one error names it."""

from typing import Final

import msgspec

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError

BOM: Final = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8, which means nothing (RFC 8259: it may be ignored)."""
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
    """The beginning of what should be NDJSON. Every method raises InvalidRequestError if it is none."""

    def __init__(self) -> None:
        self._count = 0
        self._is_cut = False

    @property
    def is_over(self) -> bool:
        """Whether enough was seen."""
        return self._count > 1

    @staticmethod
    def head(content: bytes) -> None:
        """Look at the first bytes of all."""
        for magic, name in _OTHERS:
            if content.startswith(magic):
                raise _refused(_RULE.format(name))

    def line(self, content: bytes) -> None:
        """Look at a line that is not empty: the first, then the second."""
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
    """Return the error of an import that holds nothing."""
    return _refused("must be NDJSON that holds at least one resource")


def bundle_rule(content: bytes, rule: str) -> str:
    """Return what is wrong with a text that is no JSON and should be a Bundle."""
    first, _, others = content.removeprefix(BOM).lstrip().partition(b"\n")
    return _NDJSON if others.strip() and _is_object(first) else rule


def _end(message: str) -> int:
    """Where the first value ends, in what msgspec says of what follows it: `trailing characters (byte 8)`."""
    digits = "".join(one for one in message.rpartition("(")[2] if one.isdigit())
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
