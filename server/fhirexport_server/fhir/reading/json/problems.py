"""Owns what is to be said of resources that are read: each problem with the path of its element."""

from typing import Final

from fhirexport_server.domain.imports import Problem, Severity

__all__ = ["MOST_PROBLEMS", "Problem", "Problems", "Severity"]

MOST_PROBLEMS: Final = 100
"""How many are kept; the others are counted."""


class Problems:
    """Collects problems: the first 100, of which errors come before warnings, and how many there were."""

    __slots__ = ("_kept", "_order", "counts", "refused")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Severity, 0)
        """How many there were, kept or not."""
        self.refused: set[int] = set()
        """The entries that errors were found in. Whoever is done with some may take them out."""
        self._kept: dict[Severity, list[tuple[int, Problem]]] = {severity: [] for severity in Severity}
        self._order = 0

    def wants(self, severity: Severity, entry: int | None) -> bool:
        """Count one more problem and says whether it is to be added, so that its path is worth making."""
        self.counts[severity] += 1
        if severity is Severity.ERROR and entry is not None:
            self.refused.add(entry)
        return len(self._kept[severity]) < MOST_PROBLEMS

    def add(self, problem: Problem) -> None:
        """Keep a problem that `wants` was asked about."""
        self._order += 1
        self._kept[problem.severity].append((self._order, problem))

    def tell(self, severity: Severity, entry: int | None, expression: str, text: str) -> None:
        """Add a problem whose path is at hand."""
        if self.wants(severity, entry):
            self.add(Problem(entry, expression, severity, text))

    @property
    def errors(self) -> int:
        """How many errors there were."""
        return self.counts[Severity.ERROR]

    def listed(self, *severities: Severity) -> list[Problem]:
        """Return those that are kept, of some severities or of all, by entry and as they were found."""
        errors, warnings = self._kept[Severity.ERROR], self._kept[Severity.WARNING]
        kept = [*errors, *warnings[: MOST_PROBLEMS - len(errors)]]
        kept.sort(key=lambda one: (-1 if one[1].entry is None else one[1].entry, one[0]))
        return [problem for _, problem in kept if problem.severity in (severities or Severity)]
