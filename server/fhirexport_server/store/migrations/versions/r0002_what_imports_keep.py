"""Revision 0002: dates of death known to the day, lunar dates of birth, and movements that imports derive."""

from alembic import op

from fhirexport_server.store.migrations.scripts import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the script that stands beside this file."""
    run(op.get_bind(), "r0002")
