"""Units and places of the demo: rows from the plan of a legal entity, and its wards."""

from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import NamedTuple

from fhirexport_server.demo.columns import Row, row
from fhirexport_server.demo.hospitals.care import Care, Ward
from fhirexport_server.demo.hospitals.entities import ENTITIES
from fhirexport_server.demo.hospitals.plan import MODES, Entity, Mode, Pole, Service, Site, Uf
from fhirexport_server.domain import codes

_ROOM_TYPES = ("STD", "STD", "STD", "STD", "STD", "PRSN_NGTV", "STD", "PRSN_PSTV")
_OPERATIONAL = ("O", "U", "O", "H", "O", "U", "O", "I")
_POSITIONS = (("FNTR", "F"), ("CLR", "C"), ("ML", "M"))
_INDICATORS = ("heb", "soin", "admin", "med", "tech", "medicotech", "mag")
_OPENED = date(2015, 1, 1)


class Structure(NamedTuple):
    """The rows of the structure, by table, and the care that its legal entities offer."""

    tables: dict[str, list[Row]]
    care: tuple[Care, ...]


def structure() -> Structure:
    """Return the structure of the group, which is the same for every seed."""
    tables: dict[str, list[Row]] = {
        table: [] for table in ("ej", "namespace", "org_unit", "org_member", "place")
    }
    unit_ids, place_ids = count(1), count(1)
    care = tuple(
        _Builder(ej_id, entity, tables, unit_ids, place_ids).build()
        for ej_id, entity in enumerate(ENTITIES, start=1)
    )
    return Structure(tables, care)


class _Builder:
    """Builds the rows of one legal entity."""

    def __init__(
        self,
        ej_id: int,
        entity: Entity,
        tables: dict[str, list[Row]],
        unit_ids: Iterator[int],
        place_ids: Iterator[int],
    ) -> None:
        self.ej_id = ej_id
        self.entity = entity
        self.tables = tables
        self.unit_ids = unit_ids
        self.place_ids = place_ids
        self.phones = count(ej_id * 1000)
        self.services = count(1)
        self.wards: list[Ward] = []

    def build(self) -> Care:
        entity = self.entity
        self.tables["ej"].append(
            row(
                "ej",
                id=self.ej_id,
                finess=entity.finess,
                siren=entity.siren,
                idnatst=f"1{entity.finess}",
                name=entity.name,
                legal_name=entity.legal_name,
                short_name=entity.short,
                phone=self.phone(),
                email=f"contact@{entity.slug}.example.org",
                address_line=entity.address_line,
                postal_code=entity.postal_code,
                city=entity.city,
                insee_code=entity.insee,
                country="FRA",
                active=True,
                time_zone="Europe/Paris",
            )
        )
        for number, kind in enumerate(codes.NAMESPACE_KIND, start=1):
            name = str(number) if entity.root.startswith("urn:oid:") else kind.lower()
            self.tables["namespace"].append(
                row("namespace", ej_id=self.ej_id, kind=kind, system=f"{entity.root}{name}")
            )
        for site in entity.sites:
            self.site(site)
        self.management_units()
        return self.care()

    def site(self, site: Site) -> None:
        site_id = self.unit(
            "EG",
            None,
            site.finess,
            site.name,
            finess=site.finess,
            siret=site.siret,
            idnatst=f"1{site.finess}",
            short_name=site.short,
            legal_name=site.legal_name,
            sae_category=site.sae_category,
            phone=self.phone(),
            email=f"accueil-{site.finess.lower()}@{self.entity.slug}.example.org",
            address_line=site.address_line,
            postal_code=site.postal_code,
            city=site.city,
            insee_code=site.insee,
            country="FRA",
        )
        building = self.place(
            "BUILDING",
            None,
            f"{site.finess}-A",
            f"Bâtiment principal ({site.short})",
            latitude=site.latitude,
            longitude=site.longitude,
        )
        for pole in site.poles:
            self.pole(site_id, pole, building)
        for service in site.services:
            self.service(site_id, service, building)

    def pole(self, site_id: int, pole: Pole, building: int) -> None:
        pole_id = self.unit(
            pole.kind, site_id, f"P-{pole.short}", pole.name, short_name=pole.short, opened_on=_OPENED
        )
        for service in pole.services:
            self.service(pole_id, service, building)

    def service(self, parent_id: int, service: Service, building: int) -> None:
        number = next(self.services)
        service_id = self.unit(
            "SERVICE",
            parent_id,
            f"S{number:02}",
            service.name,
            short_name=service.short,
            phone=self.phone(),
        )
        for index, uf in enumerate(service.ufs):
            self.uf(service_id, service, uf, f"{number:02}{index + 1:02}", building)

    def uf(self, service_id: int, service: Service, uf: Uf, code: str, building: int) -> None:
        mode = MODES[uf.mode]
        bed_count = sum(uf.rooms)
        uf_id = self.unit(
            "UF",
            service_id,
            code,
            f"{service.name} - {mode.label}",
            short_name=f"{service.short} {uf.mode}",
            activity_type=mode.activity_type,
            activity_field=mode.field,
            equipment_discipline=mode.equipment,
            places=bed_count or None,
            is_external=False,
            requests_acts=mode.requests_acts,
            performs_acts=mode.performs_acts,
            phone=self.phone(),
            opened_on=_OPENED,
            **{f"is_{name}": name in mode.indicators for name in _INDICATORS},
        )
        if mode.rate is not None:
            self.unit(
                "UAC",
                uf_id,
                f"{code}-01",
                f"UAC {service.name} - {mode.label}",
                service_discipline=service.discipline,
                rate=mode.rate,
            )
        beds = self.ward_places(uf_id, f"{service.name} - {mode.label}", uf, code, building)
        self.wards.append(
            Ward(uf_id, beds, self.audience(service, mode), mode.activity_type, service.discipline)
        )
        if uf.mode == "CS":
            self.place(
                "CONSULTATION_ROOM", building, f"{code}-C1", f"Consultation {service.name} 1", uf_id=uf_id
            )
        if uf.mode == "URG":
            for box in (1, 2):
                self.place("BOX", building, f"{code}-B{box}", f"Box {box}", uf_id=uf_id)
        if uf.mode == "IMG":
            self.place("PLATFORM", building, f"{code}-PT", "Plateau d'imagerie", uf_id=uf_id)
            self.place("EXAM_ROOM", building, f"{code}-IRM", "Salle IRM", uf_id=uf_id)

    def ward_places(
        self, uf_id: int, name: str, uf: Uf, code: str, building: int
    ) -> tuple[tuple[int, int, int], ...]:
        if not uf.rooms:
            return ()
        uh_id = self.place(
            "UH",
            building,
            f"{code}H",
            f"UH {name}",
            uf_id=uf_id,
            phone=self.phone(),
            description=f"UH de l'UF {code}",
        )
        beds: list[tuple[int, int, int]] = []
        for index, size in enumerate(uf.rooms):
            number = 201 + index
            room_type = _ROOM_TYPES[(uf_id + index) % len(_ROOM_TYPES)]
            room_id = self.place(
                "ROOM", uh_id, f"{code}H-{number}", f"Chambre {number}", uf_id=uf_id, room_type=room_type
            )
            for bed in range(size):
                position, letter = _POSITIONS[bed % len(_POSITIONS)]
                bed_id = self.place(
                    "BED",
                    room_id,
                    f"{code}H-{number}-{letter}",
                    f"Lit {number} {letter}",
                    uf_id=uf_id,
                    bed_position=position,
                    operational_status=_OPERATIONAL[(room_id + bed) % len(_OPERATIONAL)],
                )
                beds.append((uh_id, room_id, bed_id))
        return tuple(beds)

    def management_units(self) -> None:
        """Add units outside the main tree, attached by `org_member`. One of them is closed."""
        ufs = [ward.uf_id for ward in self.wards]
        medical = self.unit("UM", None, "UM01", "UM Médecine", short_name="UM MED")
        responsibility = self.unit("CR", None, "CR01", "Centre de responsabilité Hospitalisation")
        self.unit(
            "CA",
            responsibility,
            "CA01",
            "Centre d'activité Hôpital de semaine",
            opened_on=date(2010, 1, 1),
            closed_on=date(2020, 12, 31),
            active=False,
        )
        for parent_id, children in ((medical, ufs[1:4]), (responsibility, ufs[:2])):
            for child_id in children:
                self.tables["org_member"].append(
                    row("org_member", ej_id=self.ej_id, parent_id=parent_id, child_id=child_id)
                )

    def care(self) -> Care:
        by_audience: dict[str, tuple[Ward, ...]] = {}
        for audience in ("adult", "child", "mother", "critical", "SMR", "LG_SJR", "PSY"):
            matching = tuple(ward for ward in self.wards if ward.beds and ward.audience == audience)
            by_audience[audience] = matching or by_audience["adult"]
        return Care(
            self.ej_id,
            by_audience,
            tuple(ward for ward in self.wards if ward.activity_type == "07"),
            next(ward for ward in self.wards if ward.activity_type == "10"),
            tuple(site.finess for site in self.entity.sites),
        )

    @staticmethod
    def audience(service: Service, mode: Mode) -> str:
        """Return who a ward is for; long-term and psychiatric wards take no patients of other wards."""
        return service.audience if mode.field == "MCO" else mode.field

    def phone(self) -> str:
        return f"{self.entity.phone}{next(self.phones):04}"

    def unit(self, kind: str, parent_id: int | None, code: str, name: str, **values: object) -> int:
        unit_id = next(self.unit_ids)
        columns = {"active": True, **values}
        self.tables["org_unit"].append(
            row(
                "org_unit",
                id=unit_id,
                ej_id=self.ej_id,
                kind=kind,
                parent_id=parent_id,
                code=code,
                name=name,
                **columns,
            )
        )
        return unit_id

    def place(self, kind: str, parent_id: int | None, code: str, name: str, **values: object) -> int:
        place_id = next(self.place_ids)
        self.tables["place"].append(
            row(
                "place",
                id=place_id,
                ej_id=self.ej_id,
                kind=kind,
                parent_id=parent_id,
                code=code,
                name=name,
                status="active",
                **values,
            )
        )
        return place_id
