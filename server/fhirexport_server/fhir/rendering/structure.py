"""Renders an EJ, its units and its places as Organizations and Locations."""

from collections.abc import Sequence

from msgspec import Raw

from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import EjRow, OrgMemberRow, OrgUnitRow, PlaceRow, Rendered
from fhirexport_server.fhir import ids
from fhirexport_server.fhir import structure_codes as code
from fhirexport_server.fhir.codings import known, known_or_none
from fhirexport_server.fhir.encoder import rendered
from fhirexport_server.fhir.model import Address, ContactPoint, Extension, Identifier, Reference
from fhirexport_server.fhir.rendering import structure_extensions as extensions
from fhirexport_server.fhir.rendering.contact_details import address, telecom
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.fhir.rendering.row_rules import require_depth, required_name
from fhirexport_server.fhir.resources import Location, Organization, Position
from fhirexport_server.fhir.time_zones import USUAL, time_zone_of


def ej(row: EjRow) -> Rendered:
    """Render a legal entity as an Organization (fr-core-organization-etablissement).

    Raises:
        RowNotRenderableError: The row breaks a rule of FHIR or of the profile.
    """
    name = required_name("ej", row.id, row.name)
    logical_id = ids.ej_id(row.id)
    resource = Organization(
        id=logical_id,
        meta=_meta(row),
        extension=extensions.of_ej(row) or None,
        identifier=[
            *_national(code.IDNST_TYPE, code.IDNST_SYSTEM, row.idnatst),
            *_national(code.FINEJ_TYPE, code.FINESS_SYSTEM, row.finess),
            *_national(code.SIREN_TYPE, code.SIRENE_SYSTEM, row.siren),
        ],
        active=bool(row.active),
        type=code.EJ_TYPE,
        name=name,
        telecom=_telecom(row),
        address=_address(row),
    )
    return rendered("Organization", logical_id, resource)


def _meta(row: EjRow) -> Raw:
    if row.time_zone == USUAL and time_zone_of(row.finess) is not None:
        return code.EJ_META_OVERSEAS
    return known(code.EJ_META, row.time_zone, ("ej", row.id, "time_zone"))


def org_unit(row: OrgUnitRow, members: Sequence[OrgMemberRow], ctx: EjContext) -> Rendered:
    """Render a unit as an Organization, in the profile of its kind.

    Args:
        row: The unit.
        members: The units that belong to it beside the main tree.
        ctx: The context of the export.

    Raises:
        RowNotRenderableError: The row breaks a rule of FHIR or of the profile.
    """
    name = required_name("org_unit", row.id, row.name)
    require_depth("org_unit", row.id, row.depth)
    known(code.UNIT_TYPE, row.kind, ("org_unit", row.id, "kind"))
    logical_id = ids.unit_id(row.kind, row.id)
    resource = Organization(
        id=logical_id,
        meta=_unit_profile(row),
        extension=[*extensions.of_unit(row), *(_member(member) for member in members)] or None,
        identifier=[
            *_national(code.IDNST_TYPE, code.IDNST_SYSTEM, row.idnatst),
            *_national(code.FINEG_TYPE, code.FINESS_SYSTEM, row.finess),
            *_national(code.SIRET_TYPE, code.SIRENE_SYSTEM, row.siret),
            Identifier(system=ctx.systems[code.UNIT_NAMESPACE.get(row.kind, "STRUCTURE")], value=row.code),
        ],
        active=bool(row.active),
        type=code.UNIT_TYPE[row.kind],
        name=name,
        telecom=_telecom(row),
        address=_address(row),
        part_of=_unit("org_unit", row.id, "parent", row.parent_id, row.parent_kind) or ctx.ej,
    )
    return rendered("Organization", logical_id, resource)


def place(row: PlaceRow, ctx: EjContext) -> Rendered:
    """Render a place as a Location (fr-core-location).

    Raises:
        RowNotRenderableError: The row breaks a rule of FHIR or of the profile.
    """
    name = required_name("place", row.id, row.name)
    require_depth("place", row.id, row.depth)
    kind = known(code.PLACE_TYPE, row.kind, ("place", row.id, "kind"))
    logical_id = ids.place_id(row.kind, row.id)
    resource = Location(
        id=logical_id,
        meta=code.PLACE,
        extension=extensions.of_place(row) or None,
        identifier=[Identifier(system=ctx.systems["PLACE"], value=row.code)],
        status=known(code.PLACE_STATUS, row.status, ("place", row.id, "status")),
        operational_status=known_or_none(
            code.OPERATIONAL_STATUS, row.operational_status, ("place", row.id, "operational_status")
        ),
        name=name,
        description=row.description,
        mode="instance",
        type=kind,
        telecom=telecom(("phone", row.phone, "work")),
        physical_type=code.PHYSICAL_TYPE[row.kind],
        position=_position(row),
        managing_organization=_unit("place", row.id, "uf", row.uf_id, row.uf_kind) or ctx.ej,
        part_of=_parent_place(row),
    )
    return rendered("Location", logical_id, resource)


def _unit_profile(row: OrgUnitRow) -> Raw:
    if row.kind == "EG":
        return code.ESTABLISHMENT
    if row.kind == "UF":
        return code.UF
    # The UAC profile requires a UF as parent; a UAC elsewhere in the tree has the general profile.
    if row.kind == "UAC" and row.parent_kind == "UF":
        return code.UAC
    return code.UNIT


def _national(kind: Raw, system: str, value: str | None) -> tuple[Identifier, ...]:
    if value is None:
        return ()
    return (Identifier(use="official", type=kind, system=system, value=value),)


def _member(row: OrgMemberRow) -> Extension:
    return Extension(
        url=code.MEMBER,
        value_reference=_unit("org_member", row.parent_id, "child", row.child_id, row.child_kind),
    )


def _unit(table: str, row_id: int, column: str, unit_id: int | None, kind: str | None) -> Reference | None:
    if unit_id is None:
        return None
    if kind not in code.UNIT_TYPE:
        raise RowNotRenderableError(table, row_id, f"{column}_id names no unit of a known kind")
    return Reference(reference=f"Organization/{ids.unit_id(kind, unit_id)}")


def _parent_place(row: PlaceRow) -> Reference | None:
    if row.parent_id is None:
        return None
    if row.parent_kind not in code.PLACE_TYPE:
        raise RowNotRenderableError("place", row.id, "parent_id names no place of a known kind")
    return Reference(reference=f"Location/{ids.place_id(row.parent_kind, row.parent_id)}")


def _position(row: PlaceRow) -> Position | None:
    if row.longitude is None and row.latitude is None:
        return None
    if row.longitude is None or row.latitude is None:
        raise RowNotRenderableError("place", row.id, "a position has a latitude and a longitude")
    return Position(longitude=row.longitude, latitude=row.latitude)


def _telecom(row: EjRow | OrgUnitRow) -> list[ContactPoint] | None:
    return telecom(("phone", row.phone, "work"), ("email", row.email, "work"))


def _address(row: EjRow | OrgUnitRow) -> list[Address] | None:
    postal_address = address(
        use="work",
        lines=(row.address_line, row.address_line2),
        city=row.city,
        postal_code=row.postal_code,
        country=row.country,
        insee_code=row.insee_code,
    )
    return None if postal_address is None else [postal_address]
