"""Reads strings into columns: labels, numbers, open codes and URIs.

A FHIR string may have blanks at its ends, line breaks and any length; a column may not. As much of a text
is kept as possible, and every change is reported.
Source: FHIR R4, string; `store/schema/checks.py` for the columns.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from fhirexport_server.fhir.reading.datatypes.check_digits import has_luhn_digit
from fhirexport_server.fhir.reading.json.element import Element

_BREAKS: Final = re.compile(r"[ \t\r\n\x7f]*[\t\r\n\x7f][ \t\r\n\x7f]*")
# FHIR R4, string: no other control characters than tab, line feed and carriage return.
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_OPEN_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,20}")
_URI: Final = re.compile(r"(?=.{3,200}\Z)[a-z][a-z0-9+.-]*:[\x21-\x7e]+")
_FINESS: Final = re.compile(r"[0-9][0-9AB][0-9]{7}")
_INSEE: Final = re.compile(r"[0-9][0-9AB][0-9]{3}")
_T = TypeVar("_T")


def label(element: Element, name: str, longest: int, *, needed: bool = False) -> str | None:
    """Text for people, in one line; a text that is too long is cut."""
    text = element.string(name, needed=needed)
    return None if text is None else fitted(element, name, text, longest, needed=needed)


def fitted(element: Element, at: str, text: str, longest: int, *, needed: bool = False) -> str | None:
    """Like `label`, for a text that was read already.

    Args:
        element: The element with the text.
        at: The text's path below the element.
        text: The text.
        longest: How many characters the column takes.
        needed: Whether a blank text is an error.
    """
    plain = plain_text(element, at, text, needed=needed)
    if plain is None or len(plain) <= longest:
        return plain
    element.warning(at, f"is kept up to its {longest}th character: the column holds no more")
    return plain[:longest].rstrip()


def whole(element: Element, name: str, longest: int, *, needed: bool = False) -> str | None:
    """Text that must not be cut, such as a number: one that is too long is left out."""
    text = element.string(name, needed=needed)
    plain = None if text is None else plain_text(element, name, text)
    if plain is None or len(plain) <= longest:
        return plain
    element.warning(name, f"is not kept: it has more than {longest} characters")
    return None


def business_number(element: Element, name: str, longest: int) -> str | None:
    """The required value of an Identifier: like `whole`, and blanks at its ends are reported."""
    text = element.peek(name)
    if isinstance(text, str):
        trimmed(element, name, text)
    return whole(element, name, longest, needed=True)


def plain_text(element: Element, at: str, text: str, *, needed: bool = False) -> str | None:
    """Return a text in one line, without blanks at its ends; None if it is blank or not a FHIR string."""
    # Nearly every text is already as the column needs it.
    if text.isprintable() and text[0] != " " and text[-1] != " ":
        return text
    if _FORBIDDEN.search(text) is not None:
        element.error(at, "must not hold control characters but tab, line feed and carriage return")
        return None
    plain = text.strip()
    if _BREAKS.search(plain) is not None:
        plain = _BREAKS.sub(" ", plain).strip()
        element.warning(at, "is kept in one line: its line breaks and tabs become blanks")
    if plain:
        return plain
    if needed:
        element.error(at, "must not be blank")
    else:
        element.warning(at, "is not kept: it is blank")
    return None


def matching(element: Element, name: str, pattern: re.Pattern[str], rule: str) -> str | None:
    """A required string that matches a pattern; blanks at its ends are removed."""
    text = element.string(name, needed=True)
    if text is None:
        return None
    if pattern.fullmatch(text) is not None:
        return text
    plain = trimmed(element, name, text)
    if pattern.fullmatch(plain) is not None:
        return plain
    element.error(name, f"must be {rule}")
    return None


def fitting(element: Element, name: str, pattern: re.Pattern[str], rule: str) -> str | None:
    """Like `matching`, where FHIR allows any string: one that does not match is left out."""
    text = element.string(name, needed=True)
    if text is None:
        return None
    plain = trimmed(element, name, text)
    if pattern.fullmatch(plain) is not None:
        return plain
    element.warning(name, f"is not kept: it is not {rule}")
    return None


def trimmed(element: Element, name: str, text: str) -> str:
    """Return an identifying text without the blanks at its ends, which are reported."""
    plain = text.strip()
    if plain != text:
        element.warning(name, "is kept without the blanks at its ends")
    return plain


def one_of(
    element: Element, name: str, values: Mapping[str, _T], *, needed: bool = False, rule: str = ""
) -> _T | None:
    """What a code of a list stands for. `rule` replaces the list of codes in the error."""
    code = element.string(name, needed=needed)
    if code is None:
        return None
    value = values.get(code)
    if value is None:
        element.error(name, f"must be {rule or 'one of ' + ', '.join(values)}")
    return value


def open_code(element: Element, name: str) -> str | None:
    """A required code, in a system whose codes are not listed here; one of another form is left out."""
    return fitting(
        element, name, _OPEN_CODE, "a code of at most 20 letters, digits, dots, dashes and underscores"
    )


def uri(element: Element, name: str) -> str | None:
    """A required absolute URI."""
    return matching(element, name, _URI, "an absolute URI of at most 200 characters")


def is_uri(value: object) -> bool:
    """Return whether a value is an absolute URI that a column holds."""
    return isinstance(value, str) and _URI.fullmatch(value.strip()) is not None


def insee(element: Element, name: str) -> str | None:
    """A required INSEE code of a commune or country."""
    return matching(element, name, _INSEE, "an INSEE code, such as 75056 or 2A004")


def finess(element: Element, name: str) -> str | None:
    """A required FINESS number, with a Luhn check digit if it has no letter."""
    text = matching(element, name, _FINESS, "a FINESS number of nine characters")
    if text is not None and not is_finess(text):
        element.error(name, "must be a FINESS number, whose last digit is Luhn's")
        return None
    return text


def is_finess(text: str) -> bool:
    """Return whether a text is a FINESS number, with a Luhn check digit if it has no letter."""
    return _FINESS.fullmatch(text) is not None and (not text.isdigit() or has_luhn_digit(text))
