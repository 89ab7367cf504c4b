"""Problems of resources that are read, each with the path of its element."""

from typing import Final

from fhirexport_server.domain.imports import Problem, Severity

__all__ = ["MOST_PROBLEMS", "Problem", "Problems", "Severity"]

MOST_PROBLEMS: Final = 100
"""How many problems are kept; the rest is only counted."""


class Problems:
    """The problems of an import: the first 100, errors before warnings, and the number of all."""

    __slots__ = ("_kept", "_order", "counts", "refused")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Severity, 0)
        """How many problems there were of each severity, kept or not."""
        self.refused: set[int] = set()
        """The entries with errors. Callers may remove the entries that they are done with."""
        self._kept: dict[Severity, list[tuple[int, Problem]]] = {severity: [] for severity in Severity}
        self._order = 0

    def count(self, severity: Severity, entry: int | None) -> bool:
        """Count a problem and return whether to add it: only then is its path worth building."""
        self.counts[severity] += 1
        if severity is Severity.ERROR and entry is not None:
            self.refused.add(entry)
        return len(self._kept[severity]) < MOST_PROBLEMS

    def add(self, problem: Problem) -> None:
        """Keep a problem that `count` has counted."""
        self._order += 1
        self._kept[problem.severity].append((self._order, problem))

    def report(self, severity: Severity, entry: int | None, expression: str, text: str) -> None:
        """Count a problem and keep it if there is room."""
        if self.count(severity, entry):
            self.add(Problem(entry, expression, severity, text))

    @property
    def errors(self) -> int:
        """The number of errors."""
        return self.counts[Severity.ERROR]

    def listed(self, *severities: Severity) -> list[Problem]:
        """Return the problems that are kept, of the given severities or of all, ordered by entry."""
        errors, warnings = self._kept[Severity.ERROR], self._kept[Severity.WARNING]
        kept = [*errors, *warnings[: MOST_PROBLEMS - len(errors)]]
        kept.sort(key=lambda item: (-1 if item[1].entry is None else item[1].entry, item[0]))
        return [problem for _, problem in kept if problem.severity in (severities or Severity)]
