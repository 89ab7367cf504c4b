"""A row that breaks a rule of FHIR or of its profile is refused, by name and without its values."""

from collections.abc import Callable
from typing import Any

import pytest
from fhir.samples import CONTACT, CONTEXT, EJ, INS, IPP, PATIENT, PLACE, QUALIFIED, UNIT, VENUE, movements
from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import OrgMemberRow
from fhirexport_server.fhir.rendering.patients import patient
from fhirexport_server.fhir.rendering.structure import ej, org_unit, place
from fhirexport_server.fhir.rendering.venues import movements as render_movements
from fhirexport_server.fhir.rendering.venues import venue

NOTHING: Any = None
BAD = "Zz-bad"
(ADMISSION,) = movements("08:00 A01")


def _unit(**values: Any) -> Callable[[], object]:
    return lambda: org_unit(UNIT._replace(**values), [], CONTEXT)


def _place(**values: Any) -> Callable[[], object]:
    return lambda: place(PLACE._replace(**values), CONTEXT)


def _patient(**values: Any) -> Callable[[], object]:
    return lambda: patient(PATIENT._replace(**values), [], [], CONTEXT)


def _identifier(**values: Any) -> Callable[[], object]:
    return lambda: patient(PATIENT, [IPP._replace(**values)], [], CONTEXT)


def _contact(**values: Any) -> Callable[[], object]:
    return lambda: patient(PATIENT, [], [CONTACT._replace(**values)], CONTEXT)


def _venue(**values: Any) -> Callable[[], object]:
    return lambda: venue(VENUE._replace(**values), movements("08:00 A01", "09:00 A03"), CONTEXT)


def _movement(**values: Any) -> Callable[[], object]:
    return lambda: list(render_movements(VENUE, [ADMISSION._replace(**values)], CONTEXT))


def _venue_of(**values: Any) -> Callable[[], object]:
    return lambda: venue(VENUE, [ADMISSION._replace(**values)], CONTEXT)


CASES: dict[str, tuple[Callable[[], object], str, int]] = {
    "an expected return to nowhere": (_movement(expected_return_at=0), "movement", 1),
    "an EJ of a zone that is not France's": (lambda: ej(EJ._replace(time_zone="Asia/Tokyo")), "ej", 1),
    "an EJ without a name": (lambda: ej(EJ._replace(name="")), "ej", 1),
    "an EJ closed before it opened": (
        lambda: ej(EJ._replace(opened_on="2020-01-01", closed_on="2019-01-01")),
        "ej",
        1,
    ),
    "a unit without a name": (_unit(name=NOTHING), "org_unit", 12),
    "a unit in a cycle": (_unit(depth=None), "org_unit", 12),
    "a unit of an unknown kind": (_unit(kind=BAD), "org_unit", 12),
    "a unit whose parent is nowhere": (_unit(parent_id=5), "org_unit", 12),
    "a unit whose parent is of an unknown kind": (_unit(parent_id=5, parent_kind=BAD), "org_unit", 12),
    "a unit closed before it opened": (
        _unit(opened_on="2020-01-01", closed_on="2019-01-01"),
        "org_unit",
        12,
    ),
    "a unit of an unknown SAE category": (_unit(sae_category=BAD), "org_unit", 12),
    "a unit of an unknown type of activity": (_unit(activity_type=BAD), "org_unit", 12),
    "a unit of an unknown field of activity": (_unit(activity_field=BAD), "org_unit", 12),
    "a unit of an unknown rate": (_unit(rate=BAD), "org_unit", 12),
    "a unit whose equipment is no code": (_unit(equipment_discipline="4  5"), "org_unit", 12),
    "a unit whose discipline is no code": (_unit(service_discipline=" 127"), "org_unit", 12),
    "a member of an unknown kind": (
        lambda: org_unit(UNIT, [OrgMemberRow(12, 5, BAD)], CONTEXT),
        "org_member",
        12,
    ),
    "a place without a name": (_place(name=NOTHING), "place", 7),
    "a place in a cycle": (_place(depth=None), "place", 7),
    "a place of an unknown kind": (_place(kind=BAD), "place", 7),
    "a place whose parent is nowhere": (_place(parent_id=5), "place", 7),
    "a place whose unit is nowhere": (_place(uf_id=5), "place", 7),
    "a place of an unknown status": (_place(status=BAD), "place", 7),
    "a place of an unknown operational status": (_place(operational_status=BAD), "place", 7),
    "a room of an unknown type": (_place(room_type=BAD), "place", 7),
    "a bed of an unknown position": (_place(bed_position=BAD), "place", 7),
    "half of a position": (_place(latitude=48.85), "place", 7),
    "half of a birth name": (_patient(first_given=None), "patient", 1),
    "given names without a birth name": (
        _patient(birth_family=None, first_given=None, birth_given_names="ANNE MARIE"),
        "patient",
        1,
    ),
    "a patient of an unknown gender": (_patient(gender=BAD), "patient", 1),
    "a birth date of an unknown precision": (_patient(birth_date_precision=BAD), "patient", 1),
    "an unknown identity status": (_patient(identity_status=BAD), "patient", 1),
    "an unknown way of collection": (_patient(identity_method=BAD), "patient", 1),
    "an unknown way of validation": (_patient(identity_validation_mode=BAD), "patient", 1),
    "an unknown marital status": (_patient(marital_status=BAD), "patient", 1),
    "an unknown kind of identifier": (_identifier(kind=BAD), "patient_identifier", 1),
    "an IPP that is official": (_identifier(use_code="official"), "patient_identifier", 1),
    "a matricule in another system": (
        lambda: patient(QUALIFIED, [INS._replace(system="https://x.fr/ins")], [], CONTEXT),
        "patient_identifier",
        3,
    ),
    "an identifier that ends before it starts": (
        _identifier(assigned_on="2020-01-01", ended_on="2019-01-01"),
        "patient_identifier",
        1,
    ),
    "a contact who says nothing": (_contact(family=None, given=None, phone=None), "patient_contact", 1),
    "a contact of an unknown role": (_contact(role_code=BAD), "patient_contact", 1),
    "a contact of an unknown relation": (_contact(relation_code=BAD), "patient_contact", 1),
    "a venue of an unknown class": (_venue(patient_class=BAD), "venue", 100),
    "a venue of an unknown type of admission": (_venue(admission_type=BAD), "venue", 100),
    "a venue of an unknown type of activity": (_venue(activity_type=BAD), "venue", 100),
    "a venue whose discipline is no code": (_venue(service_discipline="1  2"), "venue", 100),
    "an unknown source of admission": (_venue(admit_source=BAD), "venue", 100),
    "an unknown way of discharge": (_venue(discharge_disposition=BAD), "venue", 100),
    "a venue in a unit of another EJ": (_venue_of(uf_med_id=999), "venue", 100),
    "a venue in a place of another EJ": (_venue_of(bed_id=999), "venue", 100),
    "an unknown event": (_venue_of(trigger_event=BAD), "movement", 1),
    "a movement of an unknown class": (_venue_of(patient_class=BAD), "movement", 1),
    "a movement of an unknown event": (_movement(trigger_event=BAD), "movement", 1),
    "a movement of an unknown nature": (_movement(nature=BAD), "movement", 1),
    "a movement of an unknown type of activity": (_movement(activity_type=BAD), "movement", 1),
    "a movement in a unit of another EJ": (_movement(uf_med_id=999), "movement", 1),
    "a movement cared for by a unit of another EJ": (_movement(uf_care_id=999), "movement", 1),
    "a movement housed by a unit of another EJ": (_movement(uf_heb_id=999), "movement", 1),
    "a movement into a place of another EJ": (_movement(room_id=999), "movement", 1),
}


@pytest.mark.parametrize(("render", "table", "row_id"), CASES.values(), ids=CASES.keys())
def test_a_row_is_refused(render: Callable[[], object], table: str, row_id: int) -> None:
    with pytest.raises(RowNotRenderableError) as refused:
        render()

    assert (refused.value.table, refused.value.row_id) == (table, row_id)
    assert refused.value.rule
    assert BAD not in refused.value.rule
    assert refused.value.__cause__ is None
