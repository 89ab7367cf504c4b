"""Finds resources that are in an import twice. Equal ones count once.

Lines of NDJSON that are the same resource and differ are all refused: it is not known which is right, and
their order means nothing. If such a line was written before the other was read, the import starts again in
a new transaction, and refuses the lines that are known by then.
"""

from typing import Final

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.store.importing.journal import Line

MOST: Final = 100_000
"""The most lines of an import that may contradict others."""
_DIFFERS: Final = (
    "must be one resource in one line: lines {} and {} are the same one by id or number, and differ"
)
_TOO_MANY: Final = f"must not hold more than {MOST} lines that are the same resources as others, and differ"


class ContradictionError(Exception):
    """Contradicting lines may have been written: the import must start again without them."""


class Doubles:
    """The lines of an import that contradict each other, kept from one attempt to the next."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        """For the digest of each contradicting line, another line that it contradicts."""
        self._is_complete = True

    def contradict(self, line: Line, other: Line) -> None:
        """Note that two lines are the same resource, and differ.

        Raises:
            InvalidRequestError: There are too many such lines.
        """
        for known, opposite in ((line, other), (other, line)):
            if known.digest not in self._known:
                self._known[known.digest] = opposite.place
                self._is_complete = False
        if len(self._known) > MOST:
            raise InvalidRequestError((FieldViolation("chunk", _TOO_MANY),))

    def refuse(self, entry: BundleEntry, problems: Problems) -> bool:
        """Return whether an entry is known to contradict another, and report the error if so."""
        other = None if entry.digest is None else self._known.get(entry.digest)
        if other is None:
            return False
        text = _DIFFERS.format(*sorted((entry.place + 1, other + 1)))
        problems.report(Severity.ERROR, entry.place, entry.path, text)
        return True

    def has(self, line: Line) -> bool:
        """Return whether a line is known to contradict another."""
        return line.digest in self._known

    def check(self) -> None:
        """End an attempt.

        Raises:
            ContradictionError: The attempt has found new contradictions.
        """
        if not self._is_complete:
            self._is_complete = True
            raise ContradictionError


def line_of(entry: BundleEntry) -> Line | None:
    """Return the line of an entry; None for an entry of a Bundle."""
    return None if entry.digest is None else Line(entry.place, entry.digest)
