"""Parts that the Encounters of venues and of movements share."""

from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.fhir import venue_codes as code
from fhirexport_server.fhir.model import Identifier, Period, Reference
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.fhir.resources import EncounterLocation, Participant


def period(start: int, end: int | None, ctx: EjContext) -> Period:
    """The period between two instants; open if `end` is None."""
    return Period(start=ctx.instants[start], end=None if end is None else ctx.instants[end])


def location(
    place: int, status: str, during: Period | None, row: tuple[str, int], ctx: EjContext
) -> EncounterLocation:
    """A place of an Encounter.

    Args:
        place: The place's id.
        status: FHIR's status of the place.
        during: When it was, is or will be occupied, if known.
        row: The table and row id, for the error.
        ctx: The context of the export.

    Raises:
        RowNotRenderableError: The place is not one of this EJ's.
    """
    try:
        reference = ctx.place_references[place]
    except KeyError:
        raise RowNotRenderableError(*row, "it names a place that is not one of this EJ's") from None
    return EncounterLocation(
        location=reference, status=status, physical_type=code.PHYSICAL_TYPE[ctx.places[place]], period=during
    )


def unit(unit_id: int | None, row: tuple[str, int], ctx: EjContext) -> Reference | None:
    """A reference to an organisational unit; None for none. `row` is the table and row id, for the error.

    Raises:
        RowNotRenderableError: The unit is not one of this EJ's.
    """
    if unit_id is None:
        return None
    try:
        return ctx.unit_references[unit_id]
    except KeyError:
        raise RowNotRenderableError(*row, "it names a unit that is not one of this EJ's") from None


def attending(rpps: str | None, name: str | None) -> Participant:
    """The attending doctor, as a logical reference to a Practitioner (fr-core-practitioner, slice rpps)."""
    identifier = (
        None if rpps is None else Identifier(type=code.RPPS_TYPE, system=code.RPPS_SYSTEM, value=rpps)
    )
    return Participant(
        type=code.ATTENDING, individual=Reference(type="Practitioner", identifier=identifier, display=name)
    )
