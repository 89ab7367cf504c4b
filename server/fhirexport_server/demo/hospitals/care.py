"""Wards and clinics, as stays need them: where a patient can be, and which unit is responsible."""

from typing import NamedTuple


class Ward(NamedTuple):
    """A UF where a patient can be, and its beds as (UH, room, bed), if any."""

    uf_id: int
    beds: tuple[tuple[int, int, int], ...]
    audience: str
    activity_type: str
    discipline: str


class Care(NamedTuple):
    """What a legal entity offers its patients."""

    ej_id: int
    wards: dict[str, tuple[Ward, ...]]
    """The wards with beds, by audience; every audience has at least one."""
    clinics: tuple[Ward, ...]
    emergency: Ward
    sites: tuple[str, ...]
    """The FINESS numbers of its sites."""
