"""Shows that what the database refuses is told by its cause."""

from collections.abc import Callable

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseAccessDeniedError
from fhirexport_server.store.database import Database
from sqlalchemy import text
from support.importing import import_lines
from support.rows import EJ_ID, writing


async def test_a_right_to_read_that_lacks_is_not_read_only(new_small: Callable[[str], str]) -> None:
    url = new_small("postgresql")
    with writing(url) as connection:
        connection.execute(text("CREATE ROLE blind LOGIN"))
        connection.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO blind"))
        connection.execute(text("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO blind"))
    theirs = url.replace("postgres@", "blind@")
    try:
        with Database.open(theirs) as database:
            assert database.revision(EJ_ID, Dataset.PATIENTS) is not None
            with writing(url) as connection:
                connection.execute(text("REVOKE SELECT ON patient FROM blind"))
            with pytest.raises(DatabaseAccessDeniedError) as refused:
                database.check()
            assert refused.value.table == "patient"
            with (
                pytest.raises(DatabaseAccessDeniedError),
                database.snapshot(dataset=Dataset.PATIENTS) as snapshot,
            ):
                next(snapshot.patients(EJ_ID))
            # The others go on.
            assert database.revision(EJ_ID, Dataset.VENUES) is not None
        with pytest.raises(DatabaseAccessDeniedError):
            await import_lines(theirs, b'{"resourceType": "Patient", "id": "pat-1"}\n', ej_id=EJ_ID)
    finally:
        with writing(url) as connection:
            connection.execute(text("DROP OWNED BY blind"))
            connection.execute(text("DROP ROLE blind"))
