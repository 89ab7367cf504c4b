"""Which of a movement's three columns for places, bed, room and UH, a place belongs in."""

from collections.abc import Mapping, Sequence
from typing import Final

_SLOT: Final = {"BED": 0, "ROOM": 1, "BOX": 1, "EXAM_ROOM": 1, "CONSULTATION_ROOM": 1}
_SLOTS: Final[dict[int, list[tuple[int, ...]]]] = {
    0: [()],
    1: [(0,), (1,), (2,)],
    2: [(0, 1), (0, 2), (1, 2)],
    3: [(0, 1, 2)],
}


def slots(places: Sequence[int], kinds: Mapping[int, str]) -> tuple[int | None, int | None, int | None]:
    """Bed, room and UH: which of three columns a place comes from is not shown, but for its kind.

    Args:
        places: three at most, the most precise first.
        kinds: from a place's id to its kind.
    """
    wished = [_SLOT.get(kinds[place], 2) for place in places]
    costs = [
        (sum(abs(slot - wish) for slot, wish in zip(slots, wished, strict=True)), slots)
        for slots in _SLOTS[len(places)]
    ]
    row = dict(zip(min(costs)[1], places, strict=True))
    return row.get(0), row.get(1), row.get(2)
