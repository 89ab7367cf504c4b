"""Reads a patient's birth name and used name. The inverse of `fhir/rendering/identities.py`."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.fhir.patient_codes import BIRTH_GIVEN_NAMES
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.datatypes.in_force import last_in_force
from fhirexport_server.fhir.reading.json.element import Element

_LONGEST: Final = 100
_PARTS: Final = ("family", "given")
_LONGEST_LIST: Final = 200
# The uses that the used name may have, the preferred one first.
_USED: Final = ("usual", None, "temp")


class NameColumns(NamedTuple):
    """The columns of a patient's names."""

    birth_family: str | None = None
    first_given: str | None = None
    birth_given_names: str | None = None
    used_family: str | None = None
    used_given: str | None = None
    prefix: str | None = None


def names(root: Element) -> NameColumns:
    """Read `name`: of the names in force, the official one is the birth name, the usual one the used name."""
    all_names = root.children("name")
    current = last_in_force([name for name in all_names if name.peek("use") == "official"])
    current += last_in_force([name for name in all_names if name.peek("use") != "official"])
    if len(current) > 1:
        current.sort(key=all_names.index)
    official = next((name for name in current if name.peek("use") == "official"), None)
    used = _used(current)
    kept_names = (official, used)
    for name in current:
        if name not in kept_names and not _is_prefix_alone(name):
            name.drop("is not kept: only one official and one usual name are")
    columns = NameColumns()
    for name in current:
        columns = _with_prefix(name, columns)
        if name is official or _is_prefix_alone(name):
            name.skip("use")
    if official is not None and any(part not in official and f"_{part}" in official for part in _PARTS):
        official.drop("is not kept: a birth name needs a family name and a given name")
    elif official is not None:
        columns = _birth_name(official, columns)
    if used is not None:
        if used.string("use") != "usual" and ("family" in used or "given" in used or "text" in used):
            used.warning("use", "is not usual: the name is kept as the usual one")
        family, first = family_and_given(used)
        columns = columns._replace(used_family=family, used_given=first)
    return columns


def _used(current: Sequence[Element]) -> Element | None:
    candidates = [name for name in current if name.peek("use") in _USED and not _is_prefix_alone(name)]
    candidates.sort(key=lambda name: _USED.index(name.peek("use")))
    return candidates[0] if candidates else None


def _is_prefix_alone(name: Element) -> bool:
    """Return whether a name is only a civil title, as for a patient without a name."""
    return not ("family" in name or "given" in name or "text" in name) and name.peek("use") in _USED


def family_and_given(name: Element) -> tuple[str | None, str | None]:
    """The family and given names of a HumanName; if it has neither, its text is the family name."""
    family = texts.label(name, "family", _LONGEST)
    given = _joined(name, name.strings("given"), _LONGEST)
    if family is None and given is None and "text" in name:
        family = texts.label(name, "text", _LONGEST)
        if family is not None:
            name.warning("text", "is kept as the family name: there are no parts of the name")
    return family, given


def _birth_name(name: Element, columns: NameColumns) -> NameColumns:
    family = texts.label(name, "family", _LONGEST, needed=True)
    if "given" not in name:
        name.error("given", "is required")
    birth_list = Extensions(name, (BIRTH_GIVEN_NAMES,)).text(BIRTH_GIVEN_NAMES, _LONGEST_LIST)
    given = [text for text in map(str.strip, name.strings("given")) if text]
    first = _joined(name, given[:1], _LONGEST)
    if len(given) > 1:
        if birth_list is None:
            birth_list = _joined(name, given, _LONGEST_LIST)
        elif given[1:] != _others(given[0], birth_list):
            name.warning("given", "is kept as the first one alone: the others are not as the birth list says")
    if first is None and "given" in name.unread():
        name.error("given", "must not be blank")
    return columns._replace(birth_family=family, first_given=first, birth_given_names=birth_list)


def _others(first: str, birth_list: str) -> Sequence[str]:
    """The birth given names after the first one."""
    if not birth_list.startswith(first + " "):
        return ()
    return [name for name in birth_list[len(first) :].split(" ") if name]


def _joined(name: Element, given: Sequence[str], longest: int) -> str | None:
    """Join given names into the text that a column holds."""
    text = " ".join(filter(None, map(str.strip, given)))
    return texts.fitted(name, "given", text, longest) if text else None


def _with_prefix(name: Element, columns: NameColumns) -> NameColumns:
    for index, prefix in enumerate(name.strings("prefix")):
        at = f"prefix[{index}]"
        title = prefix.strip().removesuffix(".").upper()
        if title not in codes.PREFIX:
            name.warning(at, f"is not kept: only {' and '.join(codes.PREFIX)} are")
        elif columns.prefix not in {None, title}:
            name.warning(at, "is not kept: there is another one before it")
        else:
            if title != prefix:
                name.warning(at, f"is kept as {title}")
            columns = columns._replace(prefix=title)
    return columns
