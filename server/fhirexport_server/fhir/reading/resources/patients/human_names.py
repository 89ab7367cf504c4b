"""Reading a patient's birth name and used name. The inverse of `fhir/rendering/identities.py`."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.fhir.patient_codes import BIRTH_GIVEN_NAMES
from fhirexport_server.fhir.reading.datatypes import texts
from fhirexport_server.fhir.reading.datatypes.extensions import Extensions
from fhirexport_server.fhir.reading.datatypes.in_force import last_in_force
from fhirexport_server.fhir.reading.json.element import Element

_LONGEST: Final = 100
_LONGEST_LIST: Final = 200
# Which name is the used one where several could be.
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
    """Read `name`: of those in force, the official one is the birth name, the usual one the used name."""
    every = root.children("name")
    listed = last_in_force([name for name in every if name.peek("use") == "official"])
    listed += last_in_force([name for name in every if name.peek("use") != "official"])
    if len(listed) > 1:
        listed.sort(key=every.index)
    official = next((name for name in listed if name.peek("use") == "official"), None)
    used = _used(listed)
    kept = (official, used)
    for name in listed:
        if name not in kept and not _is_prefix_alone(name):
            name.drop("is not kept: only one official and one usual name are")
    found = NameColumns()
    for name in listed:
        found = _with_prefix(name, found)
        if name is official or _is_prefix_alone(name):
            name.skip("use")
    if official is not None:
        found = _birth_name(official, found)
    if used is not None:
        if used.string("use") != "usual" and ("family" in used or "given" in used or "text" in used):
            used.warning("use", "is not usual: the name is kept as the usual one")
        family, first = family_and_given(used)
        found = found._replace(used_family=family, used_given=first)
    return found


def _used(listed: Sequence[Element]) -> Element | None:
    candidates = [name for name in listed if name.peek("use") in _USED and not _is_prefix_alone(name)]
    candidates.sort(key=lambda name: _USED.index(name.peek("use")))
    return candidates[0] if candidates else None


def _is_prefix_alone(name: Element) -> bool:
    """Return whether a name is a civil title and nothing else, as it is for a patient without a name."""
    return not ("family" in name or "given" in name or "text" in name) and name.peek("use") in _USED


def family_and_given(name: Element) -> tuple[str | None, str | None]:
    """The family and the given names of a HumanName; of one that says neither, its text is the family."""
    family = texts.label(name, "family", _LONGEST)
    given = _joined(name, name.strings("given"), _LONGEST)
    if family is None and given is None and "text" in name:
        family = texts.label(name, "text", _LONGEST)
        if family is not None:
            name.warning("text", "is kept as the family name: there are no parts of the name")
    return family, given


def _birth_name(name: Element, found: NameColumns) -> NameColumns:
    family = texts.label(name, "family", _LONGEST, needed=True)
    if "given" not in name:
        name.error("given", "is required")
    every = Extensions(name, (BIRTH_GIVEN_NAMES,)).text(BIRTH_GIVEN_NAMES, _LONGEST_LIST)
    listed = [text for text in map(str.strip, name.strings("given")) if text]
    first = _joined(name, listed[:1], _LONGEST)
    if len(listed) > 1:
        if every is None:
            every = _joined(name, listed, _LONGEST_LIST)
        elif listed[1:] != _others(listed[0], every):
            name.warning("given", "is kept as the first one alone: the others are not as the birth list says")
    if first is None and "given" in name.whole():
        name.error("given", "must not be blank")
    return found._replace(birth_family=family, first_given=first, birth_given_names=every)


def _others(first: str, every: str) -> Sequence[str]:
    """The birth given names after the first one."""
    if not every.startswith(first + " "):
        return ()
    return [name for name in every[len(first) :].split(" ") if name]


def _joined(name: Element, given: Sequence[str], longest: int) -> str | None:
    """Given names, as the one text that a column holds."""
    text = " ".join(filter(None, map(str.strip, given)))
    return texts.fitted(name, "given", text, longest) if text else None


def _with_prefix(name: Element, found: NameColumns) -> NameColumns:
    for index, prefix in enumerate(name.strings("prefix")):
        at = f"prefix[{index}]"
        title = prefix.strip().removesuffix(".").upper()
        if title not in codes.PREFIX:
            name.warning(at, f"is not kept: only {' and '.join(codes.PREFIX)} are")
        elif found.prefix not in {None, title}:
            name.warning(at, "is not kept: there is another one before it")
        else:
            if title != prefix:
                name.warning(at, f"is kept as {title}")
            found = found._replace(prefix=title)
    return found
