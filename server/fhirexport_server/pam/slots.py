"""The three columns of a movement for places: bed, room and UH."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

SLOTS: Final = 3
_SLOT: Final = {"BED": 0, "ROOM": 1, "BOX": 1, "EXAM_ROOM": 1, "CONSULTATION_ROOM": 1}
_WIDEST: Final = 2


def nearest(kinds: Sequence[str | None]) -> tuple[int, ...]:
    """Return the column of each place: in order, and each as near as possible to the column of its kind.

    Args:
        kinds: The kinds of at most SLOTS places, the most precise first; None for an unknown kind.
    """
    preferred = [_SLOT.get(kind or "", _WIDEST) for kind in kinds]
    return min(
        combinations(range(SLOTS), len(preferred)),
        key=lambda columns: sum(abs(column - own) for column, own in zip(columns, preferred, strict=True)),
    )


def slots(places: Sequence[int], kinds: Mapping[int, str]) -> tuple[int | None, int | None, int | None]:
    """Return the bed, room and UH that places show: an export shows their kinds, not their columns.

    Args:
        places: The ids of at most three places, the most precise first.
        kinds: The kind of each place, by its id.
    """
    row = dict(zip(nearest([kinds[place] for place in places]), places, strict=True))
    return row.get(0), row.get(1), row.get(2)
