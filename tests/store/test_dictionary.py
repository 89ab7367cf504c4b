"""Shows that the data dictionary is whole, and says what the databases say."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fhirexport_server.store.schema import METADATA, dictionary
from fhirexport_server.store.schema.checks import ALLOWED
from fhirexport_server.store.schema.page import page
from sqlalchemy import CheckConstraint, text
from support.rows import writing

ROOT = Path(__file__).parents[2]
COLUMNS = [column for table in METADATA.sorted_tables for column in table.c]
_COMMENTS = """
    SELECT relname, attname, description
    FROM pg_class LEFT JOIN pg_description ON objoid = pg_class.oid AND classoid = 'pg_class'::regclass
      LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = objsubid AND attnum > 0
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
_CHECKS = """
    SELECT relname, conname, pg_get_constraintdef(pg_constraint.oid, true)
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid WHERE contype = 'c'
"""


READINGS = (
    (r"(\w+) = ANY \(ARRAY\[('.*')\]\)", "one of {1}"),
    (r"(\w+) = ANY \(ARRAY\[true, false\]\)", "true or false"),
    (r"(\w+) > 0", "more than 0"),
    (
        r"length\((\w+)\) >= (\d+) AND length\(\w+\) <= (\d+) AND btrim\(.*",
        "{1} to {2} characters in one line, no blank at either end",
    ),
    (
        r"length\((\w+)\) >= (\d+) AND length\(\w+\) <= (\d+) AND .*",
        "an absolute URI of {1} to {2} characters, its scheme in small letters",
    ),
    (r"(\w+) ~ '\^\[0-9\]{(\d+)}\$'", "{1} digits"),
    (r"(\w+) ~ '\^\[A-Z\]{(\d+)}\$'", "{1} capital letters"),
    (r"(\w+) ~ '\^\[0-9\]\[0-9AB\]\[0-9\]\{7\}\$'", "9 characters: digits, the second may be A or B"),
    (r"(\w+) ~ '\^\[0-9\]\[0-9AB\]\[0-9\]\{3\}\$'", "5 characters: digits, the second may be A or B"),
    (r"(\w+) ~ '\^\[A-Za-z0-9_.-\]\{1,20\}\$'", "1 to 20 of A-Z, a-z, 0-9, _, . and -"),
    (r"(\w+) >= '([\d-]+)' AND \w+ <= '([\d-]+)'", "a date from {1} to {2}"),
    (
        r"(\w+) >= '([\d-]+) ([\d:]+)\+00' AND \w+ <= '([\d-]+) ([\d:]+)\+00'",
        "an instant from {1}T{2}Z to {3}T{4}Z, in whole seconds",
    ),
    (r"(\w+) >= '?(-?\d+)'? AND \w+ <= (\d+)", "{1} to {2}"),
    (r"(\w+) IS NULL OR (.*)", "only where {1}"),
)
"""How PostgreSQL writes a rule of one column, and what the dictionary has to say of it."""
IN_WORDS_OF_ITS_OWN = """
ej_period org_unit_parent_other org_unit_period org_member_other place_parent_other place_position_whole
patient_official_name_whole patient_vali_mode patient_merged_into_other patient_identifier_use_code_of_kind
patient_identifier_system_of_kind patient_identifier_period patient_contact_says_something
""".split()


@pytest.fixture(scope="module")
def postgresql(new_database: Callable[[str], str]) -> str:
    return new_database("postgresql")


def test_every_table_and_column_has_a_meaning() -> None:
    assert [table.name for table in METADATA.sorted_tables if not table.comment] == []
    assert [str(column) for column in COLUMNS if not column.comment] == []


def test_a_database_of_any_encoding_can_hold_the_comments() -> None:
    texts = [*map(dictionary.table_comment, METADATA.sorted_tables), *map(dictionary.column_comment, COLUMNS)]
    assert [text for text in texts if not text.isascii()] == []


def test_a_comment_says_what_a_column_becomes_or_that_it_is_not_exported() -> None:
    patient = METADATA.tables["patient"].c
    assert dictionary.column_comment(patient.gender).endswith("FHIR: Patient.gender.")
    assert dictionary.column_comment(patient.updated_at).endswith("Not exported.")


def test_the_page_is_made_from_the_schema() -> None:
    assert (ROOT / "docs/schema.md").read_text(encoding="utf-8") == page(), "make schema"


def test_the_page_has_a_line_of_each_column() -> None:
    sections = {text.partition("\n")[0]: text for text in page().split("\n## ")[1:]}
    for column in COLUMNS:
        start = f"| `{column.name}` |"
        (line,) = (line for line in sections[column.table.name].splitlines() if line.startswith(start))
        assert str(column.comment).replace("<", "&lt;") in line
        assert [path for path in dictionary.fhir(column) if f"`{path}`" not in line] == []
        assert ("`, required" in line) != column.nullable


def test_postgresql_has_the_comments_of_the_schema(postgresql: str) -> None:
    with writing(postgresql) as connection:
        comments = {(table, column): told for table, column, told in connection.execute(text(_COMMENTS))}
    ours: dict[tuple[str, str | None], str] = {
        (table.name, None): dictionary.table_comment(table) for table in METADATA.sorted_tables
    }
    for column in COLUMNS:
        ours[column.table.name, column.name] = dictionary.column_comment(column)
    assert comments == ours


def test_the_comments_say_what_the_checks_of_the_database_allow(postgresql: str) -> None:
    with writing(postgresql) as connection:
        checks = connection.execute(text(_CHECKS)).all()
        comments = {(table, column): told for table, column, told in connection.execute(text(_COMMENTS))}
    wrong, unread = [], []
    for table, name, sql in checks:
        column, words = _read(sql)
        if name in IN_WORDS_OF_ITS_OWN:
            continue
        if column is None:
            unread.append((name, sql))
        elif not re.search(re.escape(words) + "[;.]", _plain(comments[table, column]), re.IGNORECASE):
            wrong.append((name, words))
    assert (unread, wrong) == ([], [])
    assert set(IN_WORDS_OF_ITS_OWN) <= {name for _, name, _ in checks}


def test_every_rule_of_the_schema_is_told_of() -> None:
    """Also those that no words can be made of."""
    rules = {
        str(rule.name): rule.info[ALLOWED]
        for table in METADATA.sorted_tables
        for rule in table.constraints
        if isinstance(rule, CheckConstraint)
    }
    told = {words for column in COLUMNS for words in dictionary.allowed(column)}
    told |= {words for table in METADATA.sorted_tables for words in dictionary.rules(table)}
    assert len(rules) > 100
    assert set(rules.values()) <= told


def _plain(told: str) -> str:
    """Return a comment without quotes, and without what FHIR has for codes."""
    return re.sub(r"(?<=[\w]) \([^)]*\)(?=[,;.])", "", told).replace("'", "")


def _read(sql: str) -> tuple[str | None, str]:
    """Return which column a rule of PostgreSQL's is about, and what it allows in words."""
    rule = re.sub(r"::(text|date|integer|double precision|timestamp with time zone)", "", sql)
    rule = rule.removeprefix("CHECK (").removesuffix(")")
    for pattern, words in READINGS:
        match = re.fullmatch(pattern, rule)
        if match:
            return match[1], words.format(*match.groups()).replace("'", "")
    return None, ""
