"""What an export shows of all rows of an EJ: all that a round trip through FHIR can bring back."""

from fhir_reading.hospital_rows import EjRows
from fhirexport_server.fhir.rendering import projection as of


def shown(rows: EjRows) -> EjRows:
    """Returns the rows that an export of these cannot be told from.

    - A `namespace` of which there is no number is not shown.
    - Cancelled movements are not shown (they are not among the rows).
    - Of `seq`, only the order is.
    """
    kinds = rows.context().places
    identifiers = [
        identifier
        for patient in rows.patients
        for identifier in of.identifiers(
            patient, [one for one in rows.identifiers if one.patient_id == patient.id]
        )
    ]
    return rows._replace(
        ej=of.ej(rows.ej),
        units=[of.unit(unit) for unit in rows.units],
        members=[member for unit in rows.units for member in rows.members if member.parent_id == unit.id],
        patients=[of.patient(patient) for patient in rows.patients],
        identifiers=[
            one._replace(seq=1 + sum(other.patient_id == one.patient_id for other in identifiers[:place]))
            for place, one in enumerate(identifiers)
        ],
        contacts=[
            one._replace(seq=1 + sum(other.patient_id == one.patient_id for other in rows.contacts[:place]))
            for place, one in enumerate(rows.contacts)
        ],
        venues=[of.venue(venue, rows.of_venue(venue)) for venue in rows.venues],
        movements=[
            movement for venue in rows.venues for movement in of.movements(venue, rows.of_venue(venue), kinds)
        ],
    )
