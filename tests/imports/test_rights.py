"""Shows that a server that may not write says so when it is to import, and which rights are enough."""

from collections.abc import Callable

import pytest
from fhirexport_server.domain.errors import DatabaseReadOnlyError
from imports.hospital import EJ
from sqlalchemy import text
from support.importing import Exported, exported, import_lines
from support.rows import writing

READS = "SELECT ON ALL TABLES IN SCHEMA public"
WRITES = (
    "INSERT, UPDATE, DELETE ON ej, namespace, org_unit, org_member, place, patient, patient_identifier,"
    " patient_contact, venue, movement, import_request"
)
COUNTS = "USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public"


@pytest.mark.parametrize("grants", [(READS,), (READS, WRITES), (READS, WRITES, COUNTS)], ids=len)
async def test_what_an_import_needs(
    grants: tuple[str, ...], new_database: Callable[[str], str], small_exports: dict[int, Exported]
) -> None:
    url = new_database("postgresql")
    role = f"importer{len(grants)}"
    with writing(url) as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        for grant in grants:
            connection.execute(text(f"GRANT {grant} TO {role}"))
    theirs = url.replace("postgres@", f"{role}@")
    content = b"".join(small_exports[EJ])

    if len(grants) < 3:
        with pytest.raises(DatabaseReadOnlyError):
            await import_lines(theirs, content)
        assert await exported(url) == {}
    else:
        assert (await import_lines(theirs, content)).errors == 0
        assert (await exported(url))[EJ] == small_exports[EJ]
    with writing(url) as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))
