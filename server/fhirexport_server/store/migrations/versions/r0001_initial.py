"""Revision 0001: the first schema, with its triggers."""

from alembic import op

from fhirexport_server.store.migrations.scripts import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the script that stands beside this file."""
    run(op.get_bind(), "r0001")
