"""The part that each patient plays. It depends only on the patient's number, so rows can be counted.

One hundred parts repeat, so that even a small group has every kind of identity.
"""

from typing import Any, NamedTuple

PARTS_IN_ALL = 100
ENTITY_OF = (0, 0, 0, 0, 0, 0, 0, 0, 1, 2)
"""The legal entities of ten successive patients, by index."""
SIBLING = 10
"""How many patients before are a twin, and the patient into whom a duplicate was merged."""


class Part(NamedTuple):
    """What is special about a patient."""

    status: str | None
    """The status of the identity, if known."""
    ins: str | None = None
    """The kind of the INS matricule, if there is one."""
    other: str | None = None
    """The kind of another identifier, if there is one."""
    old_number: bool = False
    contacts: int = 0
    precision: str = "D"
    twin: int = 0
    """1 for the first twin, 2 for the second."""
    duplicate: bool = False
    nameless: bool = False
    anonymous: bool = False
    homonym: bool = False
    fictitious: bool = False
    doubtful: bool = False
    dead: bool = False

    @property
    def identifiers(self) -> int:
        """The number of identifiers of the patient."""
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
    part = Part(
        status="VALI" if number in _QUALIFIED else "VIDE",
        old_number=number in _RENUMBERED,
        contacts=(number % 3 == 0) + (number % 7 == 0),
    )
    if number in _QUALIFIED:
        part = part._replace(ins="INS-NIR-DEMO" if number in _DEMO else "INS-NIR-TEST")
    return part._replace(**_SPECIAL.get(number, {}))


PARTS = tuple(_part(number) for number in range(PARTS_IN_ALL))


def part(number: int) -> Part:
    """Return the part of a patient, by number from 0."""
    return PARTS[number % PARTS_IN_ALL]


def entity(number: int) -> int:
    """Return the index of a patient's legal entity, by number from 0."""
    return ENTITY_OF[(number + number // PARTS_IN_ALL) % len(ENTITY_OF)]
