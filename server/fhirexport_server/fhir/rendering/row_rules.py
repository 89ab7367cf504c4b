"""Owns the rules that a row must keep to be rendered, beyond its codes.

The store's checks refuse such rows; a database that was filled without them may hold one.
"""

from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.fhir.model import Period


def require_name(table: str, row_id: int, name: str | None) -> None:
    """Refuses an Organization or Location without a name.

    Raises:
        RowNotRenderableError: there is none.
    """
    if not name:
        raise RowNotRenderableError(table, row_id, "a name is required")


def require_depth(table: str, row_id: int, depth: int | None) -> None:
    """Refuses a unit or place that hangs in no tree.

    Raises:
        RowNotRenderableError: the row has no depth.
    """
    if depth is None:
        raise RowNotRenderableError(table, row_id, "its chain of parents never reaches the EJ")


def days(start: str | None, end: str | None, table: str, row_id: int) -> Period | None:
    """The period between two dates (`YYYY-MM-DD`), None when neither is known.

    Raises:
        RowNotRenderableError: it ends before it starts (FHIR R4, per-1).
    """
    if start is None and end is None:
        return None
    if start is not None and end is not None and end < start:
        raise RowNotRenderableError(table, row_id, "a period ends before it starts")
    return Period(start=start, end=end)
