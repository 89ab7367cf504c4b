"""The ids that rows of the log name, put together; and how many are worth it."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from fhirexport_server.domain.changes import Changes
from fhirexport_server.domain.outcomes import FullReason

MOST_ROWS: Final = 20_000
"""How many rows of the log are read at most."""
MOST_IDS: Final = 100_000
MOST_RANGES: Final = 100
"""How many ids and how many separate ranges are told apart at most."""


def changes(ids: Iterable[int], ranges: Iterable[tuple[int, int]], *, context: bool) -> Changes | FullReason:
    """Return what was touched, without what is named twice; a reason where it is too much."""
    merged = _merged(ranges)
    singles = frozenset(ids)
    if merged:
        firsts = [first for first, _ in merged]
        singles = frozenset(key for key in singles if not _is_inside(key, firsts, merged))
    if len(singles) > MOST_IDS or len(merged) > MOST_RANGES:
        return FullReason.TOO_MANY
    return Changes(singles, tuple(merged), context)


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges in ascending order, those that meet as one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _is_inside(key: int, firsts: list[int], ranges: list[tuple[int, int]]) -> bool:
    index = bisect_right(firsts, key) - 1
    return index >= 0 and key <= ranges[index][1]
