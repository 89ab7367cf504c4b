"""Owns what every row of one EJ's export shares: systems, time zone, and what kind a unit or place is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fhirexport_server.domain.codes import NAMESPACE_KIND
from fhirexport_server.fhir import ids
from fhirexport_server.fhir.instants import Instants
from fhirexport_server.fhir.model import Reference


class _References(dict[int, Reference]):
    """Literal references by database id, each made when it is first needed."""

    def __init__(self, resource: str, to_id: Callable[[str, int], str], kinds: Mapping[int, str]) -> None:
        super().__init__()
        self._resource = resource
        self._to_id = to_id
        self._kinds = kinds

    def __missing__(self, key: int) -> Reference:
        made = self[key] = Reference(reference=f"{self._resource}/{self._to_id(self._kinds[key], key)}")
        return made


@dataclass(frozen=True, slots=True)
class EjContext:
    """What every row of one EJ's export shares. It also keeps what was printed once, to print it again."""

    ej_id: int
    base_url: str
    """Of the FHIR server that ids and code systems belong to, without a slash at its end."""
    time_zone: str
    """An IANA name; instants are printed with this zone's offset, as `2026-01-10T18:00:00+01:00`."""
    namespaces: Mapping[str, str]
    """From `codes.NAMESPACE_KIND` to Identifier.system; a missing kind gets one below `base_url`."""
    units: Mapping[int, str]
    """From an organisational unit's id to its kind."""
    places: Mapping[int, str]
    """From a place's id to its kind."""
    systems: Mapping[str, str] = field(init=False, repr=False, compare=False)
    """From every kind of `codes.NAMESPACE_KIND` to its Identifier.system."""
    instants: Mapping[int, str] = field(init=False, repr=False, compare=False)
    """From an epoch second to its FHIR dateTime."""
    ej: Reference = field(init=False, repr=False, compare=False)
    """To the EJ's Organization."""
    unit_references: Mapping[int, Reference] = field(init=False, repr=False, compare=False)
    """By a unit's id; a KeyError when the unit is not one of this EJ's."""
    place_references: Mapping[int, Reference] = field(init=False, repr=False, compare=False)
    """By a place's id; a KeyError when the place is not one of this EJ's."""

    def __post_init__(self) -> None:
        default = f"{self.base_url}/sid/ej-{self.ej_id}"
        systems = {kind: self.namespaces.get(kind, f"{default}/{kind.lower()}") for kind in NAMESPACE_KIND}
        object.__setattr__(self, "systems", systems)
        object.__setattr__(self, "instants", Instants(self.time_zone))
        object.__setattr__(self, "ej", Reference(reference=f"Organization/{ids.ej_id(self.ej_id)}"))
        object.__setattr__(self, "unit_references", _References("Organization", ids.unit_id, self.units))
        object.__setattr__(self, "place_references", _References("Location", ids.place_id, self.places))

    def code_system(self, name: str) -> str:
        """The URL of one of the product's own code systems."""
        return f"{self.base_url}/CodeSystem/{name}"
