"""Shows which rights on a PostgreSQL database suffice for reading and for writing."""

from collections.abc import Callable

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import DatabaseReadOnlyError
from fhirexport_server.store.connection.engine import create
from fhirexport_server.store.database import Database
from sqlalchemy import text
from support.rows import EJ_ID, writing


@pytest.fixture
def url(new_small: Callable[[str], str]) -> str:
    return new_small("postgresql")


def _as_role(url: str, name: str, *grants: str) -> str:
    """Makes a role with these rights; returns the URL that it connects with."""
    with writing(url) as connection:
        connection.execute(text(f"DROP ROLE IF EXISTS {name}"))
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        for grant in grants:
            connection.execute(text(f"GRANT {grant} TO {name}"))
    return url.replace("postgres@", f"{name}@")


def test_who_may_only_select_can_export_but_not_compact(url: str) -> None:
    reader = _as_role(url, "reader", "SELECT ON ALL TABLES IN SCHEMA public")
    with Database.open(reader) as database:
        database.check()
        with database.snapshot() as snapshot:
            assert snapshot.revision(EJ_ID, Dataset.VENUES).n > 0
            assert [venue.id for venue, _ in snapshot.venues(EJ_ID)] == [1]
        with pytest.raises(DatabaseReadOnlyError):
            database.compact()
    with writing(url) as connection:
        connection.execute(text("DROP OWNED BY reader"))


def test_who_may_write_a_table_moves_its_revision_without_a_right_on_it(url: str) -> None:
    writer = _as_role(url, "writer", "SELECT, UPDATE, DELETE ON movement")
    with Database.open(url) as database:
        with database.snapshot() as snapshot:
            before = snapshot.revision(EJ_ID, Dataset.VENUES)
        with writing(writer) as connection:
            connection.execute(text("UPDATE movement SET nature = 'H'"))
            connection.execute(text("DELETE FROM movement"))
        with database.snapshot() as snapshot:
            assert snapshot.revision(EJ_ID, Dataset.VENUES).n == before.n + 2
    with writing(url) as connection:
        assert connection.execute(text("SELECT count(*) FROM tombstone")).scalar_one() == 1
        connection.execute(text("DROP OWNED BY writer"))


@pytest.mark.parametrize("options", ["", "&application_name=of-the-url&options=-c%20work_mem=8MB"])
def test_text_is_utf8_whatever_the_environment_or_the_role_says(
    url: str, options: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    role = _as_role(url, "westerner", "SELECT ON ALL TABLES IN SCHEMA public")
    with writing(url) as connection:
        connection.execute(text("ALTER ROLE westerner SET client_encoding = 'SQL_ASCII'"))
    engine = create(role + options)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW client_encoding")).scalar_one() == "UTF8"
        assert connection.execute(text("SELECT 'Ł' || chr(8217)")).scalar_one() == "Ł\u2019"
        name = connection.execute(text("SHOW application_name")).scalar_one()
    engine.dispose()
    assert name == ("of-the-url" if options else "fhirexport")
    with writing(url) as connection:
        connection.execute(text("DROP OWNED BY westerner"))
