"""Revision 0003: the data dictionary as comments; the triggers' functions read no temporary table."""

from alembic import op

from fhirexport_server.store.migrations.scripts import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the script that stands beside this file."""
    run(op.get_bind(), "r0003")
