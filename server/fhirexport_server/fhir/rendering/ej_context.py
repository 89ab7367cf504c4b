"""The context of one EJ's export: identifier systems, time zone, and the kinds of its units and places."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fhirexport_server.domain.codes import NAMESPACE_KIND
from fhirexport_server.fhir import ids
from fhirexport_server.fhir.instants import Instants
from fhirexport_server.fhir.model import Reference


class _References(dict[int, Reference]):
    """Literal references by database id, each created when it is first needed."""

    def __init__(self, resource: str, to_id: Callable[[str, int], str], kinds: Mapping[int, str]) -> None:
        super().__init__()
        self._resource = resource
        self._to_id = to_id
        self._kinds = kinds

    def __missing__(self, row_id: int) -> Reference:
        reference = self[row_id] = Reference(
            reference=f"{self._resource}/{self._to_id(self._kinds[row_id], row_id)}"
        )
        return reference


@dataclass(frozen=True, slots=True)
class EjContext:
    """What all rows of one EJ's export share. It caches instants and references, which rows repeat."""

    ej_id: int
    base_url: str
    """The base URL of the FHIR server that ids and code systems belong to, without a final slash."""
    time_zone: str
    """An IANA name. Instants have this zone's offset: `2026-01-10T18:00:00+01:00`."""
    namespaces: Mapping[str, str]
    """The Identifier.system of kinds of `codes.NAMESPACE_KIND`; a missing kind gets one below `base_url`."""
    units: Mapping[int, str]
    """The kind of each organisational unit, by its id."""
    places: Mapping[int, str]
    """The kind of each place, by its id."""
    systems: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """The Identifier.system of every kind of `codes.NAMESPACE_KIND`."""
    instants: Mapping[int, str] = field(init=False, repr=False, compare=False)
    """FHIR dateTimes, by epoch second."""
    ej: Reference = field(init=False, repr=False, compare=False)
    """A reference to the EJ's Organization."""
    unit_references: Mapping[int, Reference] = field(init=False, repr=False, compare=False)
    """References by unit id; KeyError for a unit of another EJ."""
    place_references: Mapping[int, Reference] = field(init=False, repr=False, compare=False)
    """References by place id; KeyError for a place of another EJ."""

    def __post_init__(self) -> None:
        default = f"{self.base_url}/sid/ej-{self.ej_id}"
        systems = {kind: self.namespaces.get(kind, f"{default}/{kind.lower()}") for kind in NAMESPACE_KIND}
        object.__setattr__(self, "systems", systems)
        object.__setattr__(self, "instants", Instants(self.time_zone))
        object.__setattr__(self, "ej", Reference(reference=f"Organization/{ids.ej_id(self.ej_id)}"))
        object.__setattr__(self, "unit_references", _References("Organization", ids.unit_id, self.units))
        object.__setattr__(self, "place_references", _References("Location", ids.place_id, self.places))

    def code_system(self, name: str) -> str:
        """The URL of one of the service's own code systems."""
        return f"{self.base_url}/CodeSystem/{name}"
