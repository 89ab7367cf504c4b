"""Owns reading extensions: found by their URL, each with the one type of value that its definition names."""

from collections.abc import Container, Sequence
from typing import TypeVar

from fhirexport_server.fhir.reading.datatypes import code_tables, texts
from fhirexport_server.fhir.reading.datatypes.dates import times
from fhirexport_server.fhir.reading.json.element import Element

T = TypeVar("T")


class Extensions:
    """The extensions of an element. Those of other URLs than the known ones are reported and given up."""

    __slots__ = ("_found",)

    def __init__(self, element: Element, known: Container[str]) -> None:
        self._found: dict[str, list[Element]] = {}
        if "extension" not in element:
            return
        for extension in element.children("extension"):
            url = extension.string("url", needed=True)
            if url is not None and url in known:
                self._found.setdefault(url, []).append(extension)
            elif url is not None:
                extension.drop("is not kept: this service does not know the extension, or not here")

    def all(self, url: str) -> Sequence[Element]:
        """Every extension of this URL."""
        return self._found.get(url, ())

    def only(self, url: str) -> Element | None:
        """The extension of this URL, of which there is one at most."""
        found = self._found.get(url)
        if found is None:
            return None
        for other in found[1:]:
            other.refuse("is one too many: there is one at most")
        return found[0]

    def text(self, url: str, longest: int, value: str = "valueString") -> str | None:
        """The text of the only one."""
        found = self.only(url)
        text = None if found is None else found.string(value, needed=True)
        return None if found is None or text is None else texts.fitted(found, value, text, longest)

    def flag(self, url: str) -> bool | None:
        """The boolean of the only one."""
        found = self.only(url)
        return None if found is None else found.boolean("valueBoolean", needed=True)

    def integer(self, url: str, first: int, last: int) -> int | None:
        """The whole number of the only one; one outside the range is left out."""
        found = self.only(url)
        return None if found is None else found.integer("valueInteger", first, last, needed=True)

    def day(self, url: str) -> str | None:
        """The date of the only one."""
        found = self.only(url)
        return None if found is None else times.day(found, "valueDate", needed=True)

    def days(self, url: str) -> times.Days:
        """The period of the only one, in days."""
        found = self.only(url)
        return times.Days() if found is None else times.days(found, "valuePeriod", needed=True)

    def coding(self, url: str, table: code_tables.Table[T], *, required: bool = False) -> T | None:
        """What the Coding of the only one stands for."""
        found = self.only(url)
        return None if found is None else code_tables.coding(found, "valueCoding", table, required=required)

    def open_coding(self, url: str, system: str) -> str | None:
        """The code of the only one's Coding, of a system whose codes are not listed here."""
        found = self.only(url)
        return None if found is None else code_tables.open_coding(found, "valueCoding", system)

    def concept(self, url: str, table: code_tables.Table[T]) -> T | None:
        """What the CodeableConcept of the only one stands for, in a list that the profile requires."""
        found = self.only(url)
        if found is None:
            return None
        if "valueCodeableConcept" not in found:
            found.error("valueCodeableConcept", "is required")
        return code_tables.concept(found, "valueCodeableConcept", table, required=True)
