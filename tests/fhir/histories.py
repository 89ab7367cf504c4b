"""Stays that hypothesis draws: venues and their movements, often several at one instant."""

from fhir.samples import BED, BED_2, ROOM, UF, UF_CARE, UH, VENUE, movements
from fhirexport_server.domain import codes
from fhirexport_server.domain.rows import MovementRow
from hypothesis import strategies as st

(TEMPLATE,) = movements("08:00 A01")
LAST_TIME = 12
HOUR = 3600


@st.composite
def histories(draw: st.DrawFn) -> list[MovementRow]:
    """Active movements in their order, often at the same instant."""
    rows = st.builds(
        TEMPLATE._replace,
        started_at=st.integers(0, LAST_TIME).map(lambda hour: hour * HOUR),
        trigger_event=st.sampled_from(codes.TRIGGER_EVENT),
        nature=st.sampled_from([None, "H", "M", "HMS", "LD", "C"]),
        patient_class=st.sampled_from([None, *codes.PATIENT_CLASS]),
        activity_type=st.sampled_from([None, "03", "04"]),
        uf_med_id=st.sampled_from([None, UF, UF_CARE]),
        uh_id=st.sampled_from([None, UH]),
        room_id=st.sampled_from([None, ROOM]),
        bed_id=st.sampled_from([None, BED, BED_2]),
        attending_name=st.sampled_from([None, "A", "B"]),
    )
    drawn = sorted(draw(st.lists(rows, max_size=9)), key=lambda row: row.started_at)
    return [row._replace(id=number, movement_no=f"M{number}") for number, row in enumerate(drawn, start=1)]


VENUES = st.builds(
    VENUE._replace,
    patient_class=st.sampled_from(list(codes.PATIENT_CLASS)),
    expected_admit_at=st.sampled_from([None, 5 * HOUR]),
    discharge_disposition=st.sampled_from([None, "3"]),
    destination_finess=st.sampled_from([None, "750100125"]),
)
