"""Check digits of French numbers."""

import re
from typing import Final

from stdnum import luhn
from stdnum.fr import nir

# The library also accepts blanks, dots and small letters, which an export would not show again.
_MATRICULE: Final = re.compile(r"[0-9]{5}(?:[0-9]{2}|2A|2B)[0-9]{8}")


def has_ins_key(matricule: str) -> bool:
    """Return whether an INS matricule (NIR or NIA) is 13 characters and their key of two digits."""
    return _MATRICULE.fullmatch(matricule) is not None and nir.calc_check_digits(matricule) == matricule[13:]


def has_luhn_digit(number: str) -> bool:
    """Return whether the last digit is the Luhn check digit of the others."""
    return luhn.is_valid(number)
