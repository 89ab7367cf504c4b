"""Time zones of legal entities, from the department in their FINESS number.

Source: FINESS (a number begins with the department, 97 and two digits overseas, 98 05 for Mayotte; the
registry's own codes of overseas departments are 9A to 9F); INSEE, codes of departments and of overseas
communities; the IANA database (zone1970.tab).
"""

from typing import Final

USUAL: Final = "Europe/Paris"
"""The time zone of mainland France and Corsica."""
_ZONES: Final = {
    "America/Guadeloupe": ("9701", "9A", "971"),
    "America/Martinique": ("9702", "9B", "972"),
    "America/Cayenne": ("9703", "9C", "973"),
    "Indian/Reunion": ("9704", "9D", "974"),
    "America/Miquelon": ("9705", "9E", "975"),
    "Indian/Mayotte": ("9805", "985", "9F", "976"),
    "America/St_Barthelemy": ("977",),
    "America/Marigot": ("978",),
    "Pacific/Wallis": ("986",),
    "Pacific/Tahiti": ("987",),
    "Pacific/Noumea": ("988",),
}
_BY_PREFIX: Final = {prefix: zone for zone, prefixes in _ZONES.items() for prefix in prefixes}
_LONGEST: Final = max(map(len, _BY_PREFIX))


def time_zone_of(finess: str) -> str | None:
    """Return the IANA time zone of a FINESS number's overseas department; None for the usual one."""
    prefixes = (finess[:length] for length in range(_LONGEST, 1, -1))
    return next((_BY_PREFIX[prefix] for prefix in prefixes if prefix in _BY_PREFIX), None)
