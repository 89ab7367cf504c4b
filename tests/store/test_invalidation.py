"""Shows that making exports outdated on purpose moves each revision, whatever number is drawn for it."""

from collections.abc import Callable

import pytest
from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.database import Database
from sqlalchemy import text
from support.rows import writing

# Of some 800 numbers drawn, one was so small that it had digits after the point.
EJS = 5_000
DIGESTS = text("SELECT digest FROM revision_base WHERE ej_id > 0 UNION SELECT nonce FROM revision_delta")
ENTRY = AuditEntry("test", "invalidate", "fhir:*", EJS, "", "")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.long
def test_every_number_drawn_is_whole(new_database: Callable[[str], str], dialect: str) -> None:
    url = new_database(dialect)
    with writing(url) as connection:
        rows = [{"id": number, "finess": f"{number:09}"} for number in range(1, EJS + 1)]
        connection.execute(text("INSERT INTO ej (id, finess, name) VALUES (:id, :finess, 'EJ')"), rows)
    with Database.open(url) as database:
        database.invalidate([(number, Dataset.VENUES) for number in range(1, EJS + 1)], ENTRY)
    with writing(url) as connection:
        numbers = connection.execute(DIGESTS).scalars().all()
    assert len(numbers) >= EJS
    assert all(number == int(number) for number in numbers)
