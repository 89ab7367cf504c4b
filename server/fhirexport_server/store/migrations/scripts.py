"""The SQL scripts of the migrations: one for each revision and database, beside the revision's module."""

from pathlib import Path

from sqlalchemy import Connection

from fhirexport_server.store.schema.ddl import SEPARATOR

_VERSIONS = Path(__file__).with_name("versions")


def run(bind: Connection, name: str) -> None:
    """Run the script of a revision, such as `r0001`, statement by statement."""
    # Without parameters a percent sign is a percent sign.
    connection = bind.execution_options(no_parameters=True)
    script = (_VERSIONS / f"{name}_{connection.dialect.name}.sql").read_text(encoding="utf-8")
    for statement in script.split(SEPARATOR):
        connection.exec_driver_sql(statement)
