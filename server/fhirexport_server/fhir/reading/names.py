"""Owns reading a patient's names: the birth name and the used one. The inverse of `fhir/identities.py`."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain import codes
from fhirexport_server.fhir.patient_codes import BIRTH_GIVEN_NAMES
from fhirexport_server.fhir.reading import texts
from fhirexport_server.fhir.reading.element import Element
from fhirexport_server.fhir.reading.extensions import Extensions

_LONGEST: Final = 100
_LONGEST_LIST: Final = 200


class Names(NamedTuple):
    """The columns of a patient's names."""

    birth_family: str | None = None
    first_given: str | None = None
    birth_given_names: str | None = None
    used_family: str | None = None
    used_given: str | None = None
    prefix: str | None = None


def names(root: Element) -> Names:
    """Reads `name`: the official one is the birth name, the usual one (or one without a use) the used one."""
    found = Names()
    official = usual = False
    for name in root.children("name"):
        use = name.string("use")
        found = _with_prefix(name, found)
        if use == "official" and not official:
            official = True
            found = _birth_name(name, found)
        elif use in {None, "usual"} and not usual:
            said = "family" in name or "given" in name
            if said and use is None:
                name.warning("use", "is missing: the name is kept as the usual one")
            usual = said
            found = found._replace(used_family=texts.label(name, "family", _LONGEST), used_given=given(name))
        else:
            name.drop("is not kept: only one official and one usual name are")
    return found


def given(name: Element) -> str | None:
    """The given names of a HumanName, as the one text that a column holds."""
    return _label(name, " ".join(name.strings("given")), _LONGEST)


def _birth_name(name: Element, found: Names) -> Names:
    family = texts.label(name, "family", _LONGEST, needed=True)
    if "given" not in name:
        name.error("given", "is required")
    every = Extensions(name, (BIRTH_GIVEN_NAMES,)).text(BIRTH_GIVEN_NAMES, _LONGEST_LIST)
    listed = name.strings("given")
    first = _label(name, listed[0] if listed else "", _LONGEST)
    if len(listed) > 1:
        if every is None:
            every = _label(name, " ".join(listed), _LONGEST_LIST)
        elif listed[1:] != _others(listed[0], every):
            name.warning("given", "is kept as the first one alone: the others are not as the birth list says")
    return found._replace(birth_family=family, first_given=first, birth_given_names=every)


def _others(first: str, every: str) -> Sequence[str]:
    """The birth given names after the first one."""
    if not every.startswith(first + " "):
        return ()
    return [name for name in every[len(first) :].split(" ") if name]


def _label(name: Element, text: str, longest: int) -> str | None:
    if not text or texts.is_label(text, longest):
        return text or None
    name.error("given", texts.label_rule(longest))
    return None


def _with_prefix(name: Element, found: Names) -> Names:
    for index, prefix in enumerate(name.strings("prefix")):
        at = f"prefix[{index}]"
        if prefix not in codes.PREFIX or index:
            name.error(at, f"must be {' or '.join(codes.PREFIX)}, once")
        elif found.prefix not in {None, prefix}:
            name.warning(at, "is not kept: another name has another one")
        else:
            found = found._replace(prefix=prefix)
    return found
