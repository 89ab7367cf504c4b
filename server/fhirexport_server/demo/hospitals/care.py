"""Owns what the stays need to know of the structure: where a patient can be, and who answers for it."""

from typing import NamedTuple


class Ward(NamedTuple):
    """Where a patient can be: a UF, and its beds as (UH, room, bed) if it has any."""

    uf_id: int
    beds: tuple[tuple[int, int, int], ...]
    audience: str
    activity_type: str
    discipline: str


class Care(NamedTuple):
    """What a legal entity offers its patients."""

    ej_id: int
    wards: dict[str, tuple[Ward, ...]]
    """Those with beds, by audience; every audience has one."""
    clinics: tuple[Ward, ...]
    emergency: Ward
    sites: tuple[str, ...]
    """The FINESS numbers of its sites."""
