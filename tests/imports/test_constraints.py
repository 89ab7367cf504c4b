"""Shows that a rule of the site's own refuses an import by its name, and that nothing of it stays."""

from collections.abc import Callable

import pytest
from fhirexport_server.domain.errors import ConstraintRefusedError, WriteConflictError
from fhirexport_server.rpc.errors.statuses import refusal
from imports.hospital import EJ
from support.importing import Exported, exported, import_lines
from support.rows import writing

FUNCTION = """
    CREATE FUNCTION forbid_names() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'forbidden: %%', NEW.birth_family {using}; END $$;
    CREATE {kind} TRIGGER no_names {when} ON patient {deferred} FOR EACH ROW EXECUTE FUNCTION forbid_names()
"""
BEFORE = {"kind": "", "when": "BEFORE INSERT OR UPDATE", "deferred": ""}
ON_SQLITE = "CREATE TRIGGER no_names BEFORE INSERT ON patient BEGIN SELECT RAISE({}); END"
RULES = [
    ("postgresql", "ALTER TABLE patient ADD CONSTRAINT no_m CHECK (birth_family = 'X')", "no_m"),
    ("postgresql", "ALTER TABLE patient ALTER birth_family TYPE varchar(1) USING 'X'", "SQLSTATE 22001"),
    ("postgresql", "ALTER TABLE patient ADD badge text NOT NULL", "SQLSTATE 23502"),
    ("postgresql", "ALTER TABLE patient ADD clone text DEFAULT 'one' CONSTRAINT one_only UNIQUE", "one_only"),
    ("postgresql", FUNCTION.format(using="", **BEFORE), "forbid_names"),
    ("postgresql", FUNCTION.format(using="USING ERRCODE = 'HOSP1'", **BEFORE), "forbid_names"),
    ("postgresql", FUNCTION.format(using="USING CONSTRAINT = 'names'", **BEFORE), "names"),
    (
        "postgresql",
        FUNCTION.format(
            using="", kind="CONSTRAINT", when="AFTER INSERT", deferred="DEFERRABLE INITIALLY DEFERRED"
        ),
        "forbid_names",
    ),
    ("sqlite", "ALTER TABLE patient ADD badge TEXT CONSTRAINT no_m CHECK (birth_family = 'X')", "no_m"),
    ("sqlite", "CREATE UNIQUE INDEX one_only ON patient (ej_id)", "patient.ej_id"),
    ("sqlite", ON_SQLITE.format("ABORT, 'forbidden'"), "a trigger"),
    ("sqlite", ON_SQLITE.format("ROLLBACK, 'forbidden'"), "a trigger"),
    ("sqlite", ON_SQLITE.format("FAIL, 'forbidden'"), "a trigger"),
]


@pytest.mark.long
@pytest.mark.parametrize(("backend", "rule", "name"), RULES)
async def test_a_rule_of_the_site_refuses_by_its_name(
    backend: str,
    rule: str,
    name: str,
    new_database: Callable[[str], str],
    small_exports: dict[int, Exported],
) -> None:
    url = new_database(backend)
    with writing(url) as connection:
        connection.exec_driver_sql(rule.replace("%%", "%"), execution_options={"no_parameters": True})
    with pytest.raises(ConstraintRefusedError) as refused:
        await import_lines(url, b"".join(small_exports[EJ]))
    assert refused.value.constraint == name
    told = refusal(refused.value)
    assert (told.reason_name, told.metadata["constraint"]) == ("CONSTRAINT_REFUSED", name)
    assert "forbidden" not in told.message
    assert await exported(url) == {}


async def test_a_key_of_ours_that_somebody_has_taken_is_a_conflict(
    new_database: Callable[[str], str],
) -> None:
    from fhirexport_server.store.database import Database  # noqa: PLC0415 - used here alone

    url = new_database("postgresql")
    columns, row = ("id", "finess", "name"), (1, "010780054", "CH")
    with Database.open(url) as database:
        with database.importing() as first:
            first.insert("ej", columns, [row])
        with pytest.raises(WriteConflictError), database.importing() as second:
            second.insert("ej", columns, [row])
