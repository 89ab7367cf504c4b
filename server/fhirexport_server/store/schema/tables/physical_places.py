"""The table of places: wards, rooms, beds and the like."""

from sqlalchemy import Index, Table, UniqueConstraint

from fhirexport_server.domain import codes
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import ENTITY, METADATA
from fhirexport_server.store.schema.column_types import DEGREES

place = Table(
    "place",
    METADATA,
    base.key(
        "The number that FHIR's id is made of, after a word for the kind: uh-<id>, room-<id>, bed-<id>;"
        " kept for life",
        "Location.id",
    ),
    base.owner(
        "Location.managingOrganization.reference",
        meaning="The EJ that the place belongs to; it is what manages a place without a unit",
    ),
    base.text(
        "kind",
        "What kind of place it is; UH is a ward as a place (unite d'hebergement), which has no type in FR"
        " Core. It is part of the FHIR id, so that another kind is another Location",
        "Location.physicalType.coding.code",
        "Location.type.coding.code",
        "Location.id",
        needed=True,
    ),
    base.reference(
        "parent_id",
        "The place that it is part of; empty where there is none. No cycles, 64 levels at most",
        "Location.partOf.reference",
    ),
    base.reference("uf_id", "The unit that manages it", "Location.managingOrganization.reference"),
    base.text(
        "code",
        "The EJ's own number of the place, in the system that namespace has for PLACE; unique within EJ and"
        " kind",
        "Location.identifier.value",
        needed=True,
    ),
    base.text("name", "Name", "Location.name", needed=True),
    base.text("description", "What distinguishes it", "Location.description"),
    base.text("status", "Whether it is in use", "Location.status", needed=True, default="active"),
    base.text("operational_status", "What state it is in (v2-0116)", "Location.operationalStatus.code"),
    base.text(
        "room_type",
        "Of a room: its type (fr-core-cs-location-type-chambre)",
        "Location.extension('fr-core-location-type-chambre').valueCoding.code",
    ),
    base.text(
        "bed_position",
        "Of a bed: where in the room it stands (fr-core-cs-location-position-lit)",
        "Location.extension('fr-core-location-position-lit').valueCoding.code",
    ),
    base.text("phone", "Telephone", "Location.telecom.where(system='phone').value"),
    base.column("latitude", DEGREES, "Latitude in degrees (WGS 84)", "Location.position.latitude"),
    base.column("longitude", DEGREES, "Longitude in degrees (WGS 84)", "Location.position.longitude"),
    base.updated_at(),
    UniqueConstraint("ej_id", "id"),
    UniqueConstraint("ej_id", "kind", "code"),
    base.within_ej("parent_id", "place"),
    base.within_ej("uf_id", "org_unit"),
    Index(None, "ej_id", "parent_id"),
    Index(None, "ej_id", "uf_id"),
    checks.positive("id"),
    checks.one_of("kind", codes.PLACE_KIND),
    checks.rule("parent_other", "parent_id <> id", "not the place itself", of="parent_id"),
    checks.label("code", 64),
    checks.label("name"),
    checks.label("description", 1000),
    checks.one_of("status", codes.PLACE_STATUS),
    checks.one_of("operational_status", codes.OPERATIONAL_STATUS),
    checks.one_of("room_type", codes.ROOM_TYPE),
    checks.only_with("room_type", "kind = 'ROOM'"),
    checks.one_of("bed_position", codes.BED_POSITION),
    checks.only_with("bed_position", "kind = 'BED'"),
    checks.label("phone", 40),
    checks.between("latitude", -90, 90),
    checks.between("longitude", -180, 180),
    checks.rule(
        "position_whole",
        "(latitude IS NULL) = (longitude IS NULL)",
        "latitude and longitude are both there or both empty",
    ),
    comment="The physical places of an EJ: wards, rooms, beds and their like. A row becomes a Location",
    **ENTITY,
)
