"""Owns reading strings into columns: what a label, a number, an open code or a URI must look like.

The store refuses everything else (see `store/checks.py`); here it is refused with its path.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.keys import has_luhn_digit

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_OPEN_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,20}")
_URI: Final = re.compile(r"(?=.{3,200}\Z)[a-z][a-z0-9+.-]*:[\x21-\x7e]+")
_FINESS: Final = re.compile(r"[0-9][0-9AB][0-9]{7}")
_INSEE: Final = re.compile(r"[0-9][0-9AB][0-9]{3}")
_T = TypeVar("_T")


def label(element: Element, name: str, longest: int, *, needed: bool = False) -> str | None:
    """Text for a person to read: one line, no blank at either end."""
    text = element.string(name, needed=needed)
    if text is None or is_label(text, longest):
        return text
    element.error(name, label_rule(longest))
    return None


def is_label(text: str, longest: int) -> bool:
    """Whether a label column of this length takes the text."""
    return 0 < len(text) <= longest and text == text.strip() and _CONTROL.search(text) is None


def label_rule(longest: int) -> str:
    """What `is_label` wants, to be said of an element."""
    return f"must be at most {longest} characters in one line, without a blank at either end"


def matching(element: Element, name: str, pattern: re.Pattern[str], rule: str) -> str | None:
    """A needed string of a certain shape."""
    text = element.string(name, needed=True)
    if text is None or pattern.fullmatch(text) is not None:
        return text
    element.error(name, f"must be {rule}")
    return None


def one_of(
    element: Element, name: str, values: Mapping[str, _T], *, needed: bool = False, rule: str = ""
) -> _T | None:
    """A code of a list, and what it stands for. `rule` says the codes where they are not to be listed."""
    code = element.string(name, needed=needed)
    if code is None:
        return None
    found = values.get(code)
    if found is None:
        element.error(name, f"must be {rule or 'one of ' + ', '.join(values)}")
    return found


def open_code(element: Element, name: str) -> str | None:
    """A needed code of a system whose codes are not listed here."""
    return matching(
        element, name, _OPEN_CODE, "a code of at most 20 letters, digits, dots, dashes and underscores"
    )


def uri(element: Element, name: str) -> str | None:
    """A needed absolute URI."""
    return matching(element, name, _URI, "an absolute URI of at most 200 characters")


def insee(element: Element, name: str) -> str | None:
    """A needed INSEE code of a commune or country."""
    return matching(element, name, _INSEE, "an INSEE code, such as 75056 or 2A004")


def finess(element: Element, name: str) -> str | None:
    """A needed FINESS number, with Luhn's digit where it has no letter."""
    text = matching(element, name, _FINESS, "a FINESS number of nine characters")
    if text is not None and text.isdigit() and not has_luhn_digit(text):
        element.error(name, "must be a FINESS number, whose last digit is Luhn's")
        return None
    return text
