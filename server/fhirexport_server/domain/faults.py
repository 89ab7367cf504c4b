"""What can be wrong with a database so that its changes would not be noticed."""

from enum import StrEnum


class Fault(StrEnum):
    """A way to change data without moving its revision. `docs/never-stale.md` has what to do about each."""

    TRIGGER_MISSING = "trigger_missing"
    TRIGGER_OFF = "trigger_off"
    """Disabled, or not `ENABLE ALWAYS`."""
    TRIGGER_CHANGED = "trigger_changed"
    """It does something else, or not always."""
    TABLE_REPLACED = "table_replaced"
    """A view, a foreign or partitioned table is in its place."""
    TABLE_INHERITED = "table_inherited"
    """Another table is its parent, child or partition: writes through that one run other triggers."""
    TABLE_UNLOGGED = "table_unlogged"
    """A crash of the database server would empty it."""
    ROW_SECURITY = "row_security"
    """A policy decides which of its rows the server sees."""
    SUBSCRIPTION = "subscription"
    """Logical replication writes to it, and runs no trigger of statements."""


TOLD = {
    Fault.TRIGGER_MISSING: "trigger {object} is not there",
    Fault.TRIGGER_OFF: "trigger {object} is not ENABLE ALWAYS",
    Fault.TRIGGER_CHANGED: "trigger {object} is not the one that this release made",
    Fault.TABLE_REPLACED: "{object} is not a table of its own",
    Fault.TABLE_INHERITED: "table {object} has a parent, a child or a partition",
    Fault.TABLE_UNLOGGED: "table {object} is UNLOGGED",
    Fault.ROW_SECURITY: "row-level security hides rows of table {object} from this server",
    Fault.SUBSCRIPTION: "a subscription writes to table {object}",
}
"""What is said of each; `{object}` stands for the trigger or table."""
