"""The context in which resources are read: the server and the EJ that they are for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fhirexport_server.fhir import venue_codes

Types = Mapping[tuple[str, str], tuple[str, str]]
"""The column and value that a system and code of Encounter.type stand for."""
CODE_SYSTEM: Final = "/CodeSystem/"


@dataclass(frozen=True, slots=True)
class ReadingContext:
    """The server and the EJ that resources are read for."""

    base_url: str
    """The base URL of the FHIR server that the ids belong to, without a final slash."""
    systems: Mapping[str, str] = field(default_factory=dict)
    """The EJ's Identifier.system for kinds of `codes.NAMESPACE_KIND`; a missing kind accepts any."""
    time_zone: str = "Europe/Paris"
    """An IANA name: the time zone in which an instant is turned into a day."""
    today: str | None = None
    """The present day in that time zone, ISO text, which decides what is in force; None if unknown."""
    ipp_systems: frozenset[str] = frozenset()
    """The systems in which the EJ numbers its patients (IPP), if known."""
    prefix: str = field(init=False, repr=False, compare=False)
    """The start of the absolute URLs of the server's own resources."""
    movement_types: Types = field(init=False, repr=False, compare=False)
    """The events and natures of movements, in this server's code systems."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{self.base_url}/")
        object.__setattr__(self, "movement_types", movement_types(self.base_url))


def movement_types(base_url: str) -> dict[tuple[str, str], tuple[str, str]]:
    """The events and natures of movements, in the code systems of the server with this base URL."""
    events, natures = (f"{base_url}{CODE_SYSTEM}{name}" for name in (venue_codes.TRIGGER, venue_codes.NATURE))
    return {(events, code): ("trigger_event", code) for code in venue_codes.TRIGGERS} | {
        (natures, code): ("nature", code) for code in venue_codes.NATURES
    }
