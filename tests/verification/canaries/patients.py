"""Patients whose every word is a canary: found anywhere but in an export, it has leaked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_INS: Final = tuple(f"urn:oid:1.2.250.1.213.1.4.{number}" for number in (8, 9, 10, 11))
_NAMES: Final = ("family", "given", "text")
_PLACES: Final = ("line", "city")
ROW_NAME: Final = "Canarirôw"
"""What a test writes into a row by SQL."""
_BIRTH_DATE: Final = "1931-03-27"
_STEM: Final = "Canariçœur"
_INS_STEM: Final = 1310373999000
_PHONE_STEM: Final = "+33 6 98 76"
STEMS: Final = (_STEM, ROW_NAME, _BIRTH_DATE, str(_INS_STEM)[:10], _PHONE_STEM)
"""What every canary begins with: few words are searched for in a moment."""


@dataclass(frozen=True)
class Canaries:
    """An EJ's exports with canaries in place of what they say of patients."""

    structure: bytes
    patients: list[dict[str, Any]]
    venues: list[dict[str, Any]]

    def lines(self) -> bytes:
        """Return the patients and venues as NDJSON."""
        return b"".join(json.dumps(one).encode() + b"\n" for one in (*self.patients, *self.venues))


class _Cages:
    def __init__(self) -> None:
        self._of: dict[tuple[str, str], str] = {}

    def word(self, kind: str, value: str) -> str:
        """Return the canary in place of a value: always the same, so that references lead where they led."""
        found = self._of.get((kind, value))
        if found is None:
            found = self._of[kind, value] = self._made(kind, len(self._of) + 1)
        return found

    @staticmethod
    def _made(kind: str, number: int) -> str:
        if kind == "ins":
            body = _INS_STEM + number
            return f"{body}{97 - body % 97:02d}"
        if kind == "telecom":
            return f"{_PHONE_STEM} {number:03d} 5"
        return f"{_STEM}-{kind}-{number:04d}"

    def caged(self, value: Any, inside: str = "") -> Any:  # noqa: ANN401 - JSON may be anything
        """Return JSON with canaries in place of what names somebody."""
        if isinstance(value, list):
            return [self.caged(one, inside) for one in value]
        if not isinstance(value, dict):
            return value
        return {key: self._member(key, one, inside, value) for key, one in value.items()}

    def _member(self, key: str, one: Any, inside: str, around: Any) -> Any:  # noqa: ANN401 - as above
        if key == "birthDate" and isinstance(one, str):
            return _BIRTH_DATE
        if key in _NAMES or key in _PLACES:
            words = [self.word(key, word) for word in ([one] if isinstance(one, str) else one)]
            return words[0] if isinstance(one, str) else words
        if key == "value" and inside == "telecom":
            return self.word("telecom", one)
        if key == "value" and inside == "identifier":
            return self.word("ins" if around.get("system") in _INS else "number", one)
        if key == "display" and inside == "individual":
            return self.word("doctor", one)
        return self.caged(one, key)


def canaries(structure: bytes, patients: bytes, venues: bytes) -> Canaries:
    """Return an EJ's exports as canaries."""
    cages = _Cages()
    first, second = ([cages.caged(one) for one in _read(part)] for part in (patients, venues))
    return Canaries(structure, first, second)


def _read(lines: bytes) -> Iterator[dict[str, Any]]:
    return map(json.loads, lines.splitlines())
