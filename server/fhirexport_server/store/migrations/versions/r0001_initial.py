"""Owns revision 0001: the first schema, with its triggers."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

_SEPARATOR = "\n;;\n"


def upgrade() -> None:
    """Runs the script that stands beside this file."""
    # Without parameters a percent sign is a percent sign.
    connection = op.get_bind().execution_options(no_parameters=True)
    script = Path(__file__).with_name(f"r0001_{connection.dialect.name}.sql").read_text(encoding="utf-8")
    for statement in script.split(_SEPARATOR):
        connection.exec_driver_sql(statement)
