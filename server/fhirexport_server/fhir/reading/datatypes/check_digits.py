"""The check digits of French numbers."""

import re
from typing import Final

from stdnum import luhn
from stdnum.fr import nir

# The library's own check takes blanks, dots and small letters as well, which no export would show again.
_MATRICULE: Final = re.compile(r"[0-9]{5}(?:[0-9]{2}|2A|2B)[0-9]{8}")


def has_ins_key(matricule: str) -> bool:
    """Say whether a matricule INS (NIR or NIA) is 13 characters and the key of two digits that they make."""
    return _MATRICULE.fullmatch(matricule) is not None and nir.calc_check_digits(matricule) == matricule[13:]


def has_luhn_digit(number: str) -> bool:
    """Say whether the last of some digits is the one that Luhn's rule makes of the others."""
    return luhn.is_valid(number)
