"""Rules that a row must satisfy to be rendered, beyond its codes.

The store's checks refuse rows that break them; a database that was filled without the checks may hold some.
"""

from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.fhir.model import Period


def required_name(table: str, row_id: int, name: str | None) -> str:
    """Return the name of an Organization or Location.

    Raises:
        RowNotRenderableError: The name is absent or empty.
    """
    if not name:
        raise RowNotRenderableError(table, row_id, "a name is required")
    return name


def require_depth(table: str, row_id: int, depth: int | None) -> None:
    """Refuse a unit or place whose parents do not lead to the EJ.

    Raises:
        RowNotRenderableError: The row has no depth.
    """
    if depth is None:
        raise RowNotRenderableError(table, row_id, "its chain of parents never reaches the EJ")


def days(start: str | None, end: str | None, table: str, row_id: int) -> Period | None:
    """The period between two dates (`YYYY-MM-DD`); None if neither is known.

    Raises:
        RowNotRenderableError: The period ends before it starts (FHIR R4, per-1).
    """
    if start is None and end is None:
        return None
    if start is not None and end is not None and end < start:
        raise RowNotRenderableError(table, row_id, "a period ends before it starts")
    return Period(start=start, end=end)
