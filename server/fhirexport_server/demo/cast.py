"""Owns the casting: which part the k-th patient plays. It depends on k alone, so rows can be counted.

One hundred parts come around again and again, so that even a small group has every kind of identity.
"""

from typing import Any, NamedTuple

PARTS_IN_ALL = 100
ENTITY_OF = (0, 0, 0, 0, 0, 0, 0, 0, 1, 2)
"""The legal entity of each tenth patient, by its index."""
SIBLING = 10
"""How far back a twin, or the patient a duplicate was merged into, comes: of the same legal entity."""


class Part(NamedTuple):
    """What is special about a patient."""

    status: str | None
    """The identity's status; None where nobody said."""
    ins: str | None = None
    """The kind of its INS matricule, if it has one."""
    other: str | None = None
    """The kind of one more identifier, if it has one."""
    old_number: bool = False
    contacts: int = 0
    precision: str = "D"
    twin: int = 0
    """1 for the first of two, 2 for the second."""
    duplicate: bool = False
    nameless: bool = False
    anonymous: bool = False
    homonym: bool = False
    fictitious: bool = False
    doubtful: bool = False
    dead: bool = False

    @property
    def identifiers(self) -> int:
        """How many identifiers the patient has."""
        return 1 + (self.ins is not None) + (self.other is not None) + self.old_number


_QUALIFIED = range(65)
_DEMO = range(0, 65, 13)
_RENUMBERED = range(3, PARTS_IN_ALL, 10)
_SPECIAL: dict[int, dict[str, Any]] = {
    17: {"other": "INS-C"},
    27: {"other": "NDP"},
    33: {"dead": True},
    41: {"twin": 1},
    51: {"twin": 2, "status": "VIDE", "ins": None},
    66: {"dead": True},
    72: {"duplicate": True, "status": "DOUA"},
    82: {"precision": "Y", "status": "PROV"},
    84: {"precision": "M", "status": "PROV"},
    86: {"nameless": True, "status": "PROV"},
    87: {"doubtful": True, "status": "PROV"},
    88: {"anonymous": True, "status": "ANOM"},
    89: {"status": "IDVER"},
    90: {"status": "RECD", "other": "RRI"},
    91: {"status": "RECD", "other": "RRI"},
    92: {"status": "IDRA"},
    94: {"status": "DPOT"},
    95: {"status": "HOMD", "homonym": True},
    96: {"status": None},
    97: {"status": "INVA"},
    98: {"status": "CACH"},
    99: {"status": "PROV", "fictitious": True},
}


def _part(number: int) -> Part:
    usual = Part(
        status="VALI" if number in _QUALIFIED else "VIDE",
        old_number=number in _RENUMBERED,
        contacts=(number % 3 == 0) + (number % 7 == 0),
    )
    if number in _QUALIFIED:
        usual = usual._replace(ins="INS-NIR-DEMO" if number in _DEMO else "INS-NIR-TEST")
    return usual._replace(**_SPECIAL.get(number, {}))


PARTS = tuple(_part(number) for number in range(PARTS_IN_ALL))


def part(number: int) -> Part:
    """Return the part of the patient with this number, counted from 0."""
    return PARTS[number % PARTS_IN_ALL]


def entity(number: int) -> int:
    """Return the index of the patient's legal entity."""
    return ENTITY_OF[(number + number // PARTS_IN_ALL) % len(ENTITY_OF)]
