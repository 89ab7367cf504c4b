"""Owns the check digits of French numbers: the INS matricule's key and Luhn's digit (RPPS)."""


def ins_key(number: str) -> str:
    """Returns the two digits that complete the 13 characters of an INS matricule (or NIR).

    The key is 97 minus the number modulo 97. Corsica's 2A and 2B count as 19 and 18.
    """
    department = number[5:7]
    if department in ("2A", "2B"):
        number = number[:5] + ("19" if department == "2A" else "18") + number[7:]
    return f"{97 - int(number) % 97:02}"


def luhn_digit(digits: str) -> str:
    """Returns the digit that completes `digits` under Luhn's rule, as RPPS, SIREN and FINESS have it."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        total += sum(divmod(int(digit) * (2 if position % 2 == 0 else 1), 10))
    return str(-total % 10)
