"""Revision 0004: a log of which patients and venues were changed; what logical replication writes counts."""

from alembic import op

from fhirexport_server.store.migrations.scripts import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the script that stands beside this file."""
    run(op.get_bind(), "r0004")
