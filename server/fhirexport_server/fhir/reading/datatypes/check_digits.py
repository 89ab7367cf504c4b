"""Owns the check digits of French numbers."""

import re
from typing import Final

_MATRICULE: Final = re.compile(r"[0-9]{5}(?:[0-9]{2}|2A|2B)[0-9]{8}")
_CORSICA: Final = {"2A": "19", "2B": "18"}
_CHARACTERS: Final = 13


def has_ins_key(matricule: str) -> bool:
    """Whether a matricule INS (NIR or NIA) is 13 characters and the key of two digits that they make.

    The key is 97 minus the number modulo 97; Corsica's 2A and 2B count as 19 and 18.
    """
    if _MATRICULE.fullmatch(matricule) is None:
        return False
    department = matricule[5:7]
    number = matricule[:5] + _CORSICA.get(department, department) + matricule[7:_CHARACTERS]
    return 97 - int(number) % 97 == int(matricule[_CHARACTERS:])


def has_luhn_digit(number: str) -> bool:
    """Whether the last of some digits is the one that Luhn's rule makes of the others."""
    total = sum(sum(divmod(int(digit) * 2, 10)) for digit in number[-2::-2])
    return (total + sum(map(int, number[-1::-2]))) % 10 == 0
