"""Owns what every resource that one EJ receives is read with: whose ids and systems are its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fhirexport_server.fhir import venue_codes

Types = Mapping[tuple[str, str], tuple[str, str]]
"""From system and code of an Encounter.type to the column and the value that it stands for."""
CODE_SYSTEM: Final = "/CodeSystem/"


@dataclass(frozen=True, slots=True)
class ReadingContext:
    """The server and the EJ that resources are read for."""

    base_url: str
    """Of the FHIR server that the ids belong to, without a slash at its end."""
    systems: Mapping[str, str] = field(default_factory=dict)
    """The EJ's Identifier.system for kinds of `codes.NAMESPACE_KIND`; any will do for a missing kind."""
    time_zone: str = "Europe/Paris"
    """An IANA name: whose clock says which day an instant is."""
    today: str | None = None
    """The day on that clock, ISO text, which decides what is in force; None where it is not known."""
    ipp_systems: frozenset[str] = frozenset()
    """The systems in which the EJ numbers its patients (IPP), as far as they are known."""
    prefix: str = field(init=False, repr=False, compare=False)
    """What the absolute URLs of its own resources begin with."""
    movement_types: Types = field(init=False, repr=False, compare=False)
    """The events and natures of movements, in the code systems of this server."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{self.base_url}/")
        object.__setattr__(self, "movement_types", movement_types(self.base_url))


def movement_types(base_url: str) -> dict[tuple[str, str], tuple[str, str]]:
    """The events and natures of movements in the code systems of a server of this kind."""
    events, natures = (f"{base_url}{CODE_SYSTEM}{name}" for name in (venue_codes.TRIGGER, venue_codes.NATURE))
    return {(events, code): ("trigger_event", code) for code in venue_codes.TRIGGERS} | {
        (natures, code): ("nature", code) for code in venue_codes.NATURES
    }
