"""Which of a movement's three columns for places, bed, room and UH, a place belongs in."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final

SLOTS: Final = 3
_SLOT: Final = {"BED": 0, "ROOM": 1, "BOX": 1, "EXAM_ROOM": 1, "CONSULTATION_ROOM": 1}
_WIDEST: Final = 2


def nearest(kinds: Sequence[str | None]) -> tuple[int, ...]:
    """Return the column of each place: in their order, as near as possible to where their kinds belong.

    Args:
        kinds: Of the places, SLOTS at most, the most precise first; None for a kind that is not known.
    """
    wished = [_SLOT.get(kind or "", _WIDEST) for kind in kinds]
    return min(
        combinations(range(SLOTS), len(wished)),
        key=lambda columns: sum(abs(column - wish) for column, wish in zip(columns, wished, strict=True)),
    )


def slots(places: Sequence[int], kinds: Mapping[int, str]) -> tuple[int | None, int | None, int | None]:
    """Return bed, room and UH: which of three columns a place comes from is not shown, but for its kind.

    Args:
        places: Three at most, the most precise first.
        kinds: From a place's id to its kind.
    """
    row = dict(zip(nearest([kinds[place] for place in places]), places, strict=True))
    return row.get(0), row.get(1), row.get(2)
