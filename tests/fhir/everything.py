"""A resource of every kind, for the tests that need all of them."""

from fhir.full_rows import (
    FULL_CONTACT,
    FULL_EJ,
    FULL_IDENTIFIERS,
    FULL_MOVEMENTS,
    FULL_PATIENT,
    FULL_PLACE,
    FULL_UNIT,
    FULL_VENUE,
)
from fhir.samples import (
    CONTACT,
    CONTEXT,
    EJ,
    INS,
    IPP,
    PATIENT,
    PLACE,
    QUALIFIED,
    UNIT,
    VENUE,
    movements,
)
from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import OrgMemberRow, Rendered
from fhirexport_server.fhir.rendering.patients import patient
from fhirexport_server.fhir.rendering.structure import ej, org_unit, place
from fhirexport_server.fhir.rendering.venues import movements as render_movements
from fhirexport_server.fhir.rendering.venues import venue

_STAY = (
    "2026-01-02 09:00 A05 room",
    "2026-01-10 18:00 A04 uh class:E uf:6000",
    "2026-01-10 22:00 A06 bed class:I nature:HMS doctor:Leclerc",
    "2026-01-11 08:00 A15 bed2",
    "2026-01-13 08:00 A21 bed",
    "2026-01-14 18:00 A22",
    "2026-01-15 11:00 A03",
)


def everything() -> list[Rendered]:
    """Renders units and places of every kind, both profiles of Patient, and stays as far as each event."""
    stays = [movements(*_STAY[:count]) for count in range(len(_STAY) + 1)]
    row = VENUE._replace(nda="N1", preadmission_no="P1", discharge_disposition="3", admit_source="7")
    return [
        ej(EJ._replace(siren="267500452", city="Paris", insee_code="75056")),
        *(
            org_unit(UNIT._replace(kind=kind), [OrgMemberRow(12, 5, "UF")], CONTEXT)
            for kind in codes.ORG_KIND
        ),
        *(place(PLACE._replace(kind=kind, phone="84220"), CONTEXT) for kind in codes.PLACE_KIND),
        patient(PATIENT._replace(nationality="FR", is_doubtful=True), [IPP], [CONTACT], CONTEXT),
        patient(QUALIFIED, [INS, IPP], [], CONTEXT),
        *(venue(row, stay, CONTEXT) for stay in stays),
        *(movement for stay in stays for movement in render_movements(row, stay, CONTEXT)),
        ej(FULL_EJ),
        org_unit(FULL_UNIT, [OrgMemberRow(12, 5, "UF")], CONTEXT),
        place(FULL_PLACE, CONTEXT),
        patient(FULL_PATIENT, FULL_IDENTIFIERS, [FULL_CONTACT], CONTEXT),
        patient(FULL_PATIENT._replace(deceased_at=None, deceased_on=None), [IPP], [], CONTEXT),
        venue(FULL_VENUE, FULL_MOVEMENTS, CONTEXT),
        *render_movements(FULL_VENUE, FULL_MOVEMENTS, CONTEXT),
    ]
