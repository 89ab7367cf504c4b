"""Finds the resources that an import holds twice: they count once where they are equal.

Lines of NDJSON that are one resource, and differ, are refused, all of them: nobody knows which is right, and
their order means nothing. A line that was written before its contradiction was found is refused by doing the
import again, in a new transaction, with what is known by then.
"""

from typing import Final

from fhirexport_server.domain.errors import FieldViolation, InvalidRequestError
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.store.importing.journal import Line

MOST: Final = 100_000
"""How many lines of an import may contradict others."""
_DIFFERS: Final = (
    "must be one resource in one line: lines {} and {} are the same one by id or number, and differ"
)
_TOO_MANY: Final = f"must not hold more than {MOST} lines that are the same resources as others, and differ"


class ContradictionError(Exception):
    """Lines that contradict others were written, or may have been: do the import again without them."""


class Doubles:
    """The lines of an import that contradict each other; known from one attempt to the next."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        """A line that each content contradicts, by its digest."""
        self._is_complete = True

    def contradict(self, line: Line, other: Line) -> None:
        """Note that two lines are one resource, and differ.

        Raises:
            InvalidRequestError: there are too many.
        """
        for one, against in ((line, other), (other, line)):
            if one.digest not in self._known:
                self._known[one.digest] = against.place
                self._is_complete = False
        if len(self._known) > MOST:
            raise InvalidRequestError((FieldViolation("chunk", _TOO_MANY),))

    def refuse(self, entry: BundleEntry, problems: Problems) -> bool:
        """Whether an entry is known to contradict another, which is reported then."""
        other = None if entry.digest is None else self._known.get(entry.digest)
        if other is None:
            return False
        text = _DIFFERS.format(*sorted((entry.place + 1, other + 1)))
        problems.tell(Severity.ERROR, entry.place, entry.path, text)
        return True

    def check(self) -> None:
        """End an attempt.

        Raises:
            ContradictionError: there were lines of which nothing was known when it began.
        """
        if not self._is_complete:
            self._is_complete = True
            raise ContradictionError


def line_of(entry: BundleEntry) -> Line | None:
    """Return what a line of NDJSON is; None for an entry of a Bundle."""
    return None if entry.digest is None else Line(entry.place, entry.digest)
