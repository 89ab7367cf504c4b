"""Reads extensions by their URL, each with the type of value that its definition names."""

from collections.abc import Container, Sequence
from typing import TypeVar

from fhirexport_server.fhir.reading.datatypes import code_tables, texts
from fhirexport_server.fhir.reading.datatypes.dates import times
from fhirexport_server.fhir.reading.json.element import Element

T = TypeVar("T")


class Extensions:
    """The extensions of an element. Those with unknown URLs are reported and discarded."""

    __slots__ = ("_by_url",)

    def __init__(self, element: Element, known: Container[str]) -> None:
        self._by_url: dict[str, list[Element]] = {}
        if "extension" not in element:
            return
        for extension in element.children("extension"):
            url = extension.string("url", needed=True)
            if url is not None and url in known:
                self._by_url.setdefault(url, []).append(extension)
            elif url is not None:
                extension.drop("is not kept: this service does not know the extension, or not here")

    def all(self, url: str) -> Sequence[Element]:
        """All extensions with this URL."""
        return self._by_url.get(url, ())

    def only(self, url: str) -> Element | None:
        """The only extension with this URL; any others are errors."""
        extensions = self._by_url.get(url)
        if extensions is None:
            return None
        for other in extensions[1:]:
            other.refuse("is one too many: there is one at most")
        return extensions[0]

    def text(self, url: str, longest: int, value: str = "valueString") -> str | None:
        """The text of the only extension with this URL."""
        extension = self.only(url)
        text = None if extension is None else extension.string(value, needed=True)
        return None if extension is None or text is None else texts.fitted(extension, value, text, longest)

    def flag(self, url: str) -> bool | None:
        """The boolean of the only extension with this URL."""
        extension = self.only(url)
        return None if extension is None else extension.boolean("valueBoolean", needed=True)

    def integer(self, url: str, first: int, last: int) -> int | None:
        """The integer of the only extension with this URL; one outside the range is left out."""
        extension = self.only(url)
        return None if extension is None else extension.integer("valueInteger", first, last, needed=True)

    def day(self, url: str) -> str | None:
        """The date of the only extension with this URL."""
        extension = self.only(url)
        return None if extension is None else times.day(extension, "valueDate", needed=True)

    def days(self, url: str) -> times.Days:
        """The Period of the only extension with this URL, in days."""
        extension = self.only(url)
        return times.Days() if extension is None else times.days(extension, "valuePeriod", needed=True)

    def coding(self, url: str, table: code_tables.Table[T], *, required: bool = False) -> T | None:
        """What the Coding of the only extension with this URL stands for."""
        extension = self.only(url)
        return (
            None
            if extension is None
            else code_tables.coding(extension, "valueCoding", table, required=required)
        )

    def open_coding(self, url: str, system: str) -> str | None:
        """The code of its Coding, in a system whose codes are not listed here."""
        extension = self.only(url)
        return None if extension is None else code_tables.open_coding(extension, "valueCoding", system)

    def concept(self, url: str, table: code_tables.Table[T]) -> T | None:
        """What its CodeableConcept stands for, in a list that the profile requires."""
        extension = self.only(url)
        if extension is None:
            return None
        if "valueCodeableConcept" not in extension:
            extension.error("valueCodeableConcept", "is required")
        return code_tables.concept(extension, "valueCodeableConcept", table, required=True)
