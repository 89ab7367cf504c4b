"""The rules for the values of columns, each a CHECK that both databases enforce.

They refuse at write time what FHIR R4 or a profile would refuse at export time, whoever writes. Each states
in words what it allows, for the data dictionary (`schema/dictionary.py`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from fhirexport_server.domain.rows import FIRST_DAY, LAST_DAY

# The code points that Unicode calls white space, control characters aside (property White_Space).
_BLANKS = (0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
ALLOWED, OF = "allowed", "of"
"""The keys in a rule's `info` of what it allows, in words, and of its column, where it has one."""


class _Rule(ColumnElement[bool]):
    """One rule, as SQL for each database."""

    inherit_cache = False

    def __init__(self, sqlite: str, postgresql: str) -> None:
        self.sqlite = sqlite
        self.postgresql = postgresql


@compiles(_Rule, "sqlite")
def _sqlite(element: _Rule, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ARG001 - the compiler's protocol
    return element.sqlite


@compiles(_Rule, "postgresql")
def _postgresql(element: _Rule, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ARG001 - the compiler's protocol
    return element.postgresql


def rule(name: str, sql: str, allowed: str, *, of: str | None = None) -> CheckConstraint:
    """Return a rule with a name of its own, whose SQL is the same on both databases.

    Args:
        name: The rule's name.
        sql: The condition that every row must meet.
        allowed: The condition in words.
        of: The column that it is about; None where it is about several.
    """
    return CheckConstraint(_Rule(sql, sql), name=name, info={ALLOWED: allowed, OF: of})


def _of(column: str, name: str, allowed: str, sqlite: str, postgresql: str | None = None) -> CheckConstraint:
    """Return a rule of one column; without `postgresql` its SQL is the same on both databases."""
    sql = _Rule(sqlite, postgresql or sqlite)
    return CheckConstraint(sql, name=f"{column}_{name}", info={ALLOWED: allowed, OF: column})


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """Require that the column holds one of these codes. A mapping gives FHIR's code for each."""
    meanings = values if isinstance(values, Mapping) else {}
    allowed = [f"{value} ({meanings[value]})" if _differs(meanings, value) else value for value in values]
    codes = ", ".join(f"'{value}'" for value in values)
    return _of(column, "code", f"one of {', '.join(allowed)}", f"{column} IN ({codes})")


def _differs(meanings: Mapping[str, object], value: str) -> bool:
    """Return whether FHIR has another code for it."""
    return isinstance(meanings.get(value), str) and meanings[value] != value


def label(column: str, longest: int = 200) -> CheckConstraint:
    """Require that the column holds text for a person to read, as a FHIR string may be.

    No control character (so one line), no blank of any kind at either end, at least one character.
    """
    sqlite_blanks = f"char({', '.join(map(str, _BLANKS))})"
    postgresql_blanks = "U&'" + "".join(f"\\{blank:04X}" for blank in _BLANKS) + "'"
    return _of(
        column,
        "label",
        f"1 to {longest} characters in one line, no blank at either end",
        f"length({column}) BETWEEN 1 AND {longest} AND trim({column}, {sqlite_blanks}) = {column}"
        f" AND instr({column}, char(0)) = 0"
        f" AND {column} NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'",
        f"length({column}) BETWEEN 1 AND {longest} AND btrim({column}, {postgresql_blanks}) = {column}"
        f" AND {column} !~ '[\\x01-\\x1f\\x7f]'",
    )


def shaped(column: str, allowed: str, regex: str, *globs: str) -> CheckConstraint:
    """Require that the column matches `regex` (PostgreSQL), which one of `globs` spells for SQLite."""
    either = " OR ".join(f"{column} GLOB '{glob}'" for glob in globs)
    return _of(column, "shape", allowed, f"({either})", f"{column} ~ '^{regex}$'")


def digits(column: str, count: int) -> CheckConstraint:
    """Require that the column holds exactly this many digits."""
    return shaped(column, f"{count} digits", f"[0-9]{{{count}}}", "[0-9]" * count)


def finess(column: str) -> CheckConstraint:
    """Require that the column has the shape of a FINESS number: nine digits, or 2A/2B for Corsica."""
    allowed = "9 characters: digits, the second may be A or B"
    return shaped(column, allowed, "[0-9][0-9AB][0-9]{7}", "[0-9][0-9AB]" + "[0-9]" * 7)


def insee(column: str) -> CheckConstraint:
    """Require that the column has the shape of an INSEE commune or country code."""
    allowed = "5 characters: digits, the second may be A or B"
    return shaped(column, allowed, "[0-9][0-9AB][0-9]{3}", "[0-9][0-9AB][0-9][0-9][0-9]")


def letters(column: str, count: int) -> CheckConstraint:
    """Require that the column holds exactly this many capital letters (ISO 3166)."""
    return shaped(column, f"{count} capital letters", f"[A-Z]{{{count}}}", "[A-Z]" * count)


def code(column: str) -> CheckConstraint:
    """Require that the column holds a code of an open list."""
    return _of(
        column,
        "open_code",
        "1 to 20 of A-Z, a-z, 0-9, _, . and -",
        f"length({column}) BETWEEN 1 AND 20 AND {column} NOT GLOB '*[^A-Za-z0-9_.-]*'",
        f"{column} ~ '^[A-Za-z0-9_.-]{{1,20}}$'",
    )


def uri(column: str) -> CheckConstraint:
    """Require that the column holds an absolute URI, as Identifier.system needs."""
    return _of(
        column,
        "uri",
        "an absolute URI of 3 to 200 characters, its scheme in small letters",
        f"length({column}) BETWEEN 3 AND 200 AND {column} GLOB '[a-z]*:?*'"
        f" AND {column} NOT GLOB '*[^!-~]*' AND instr({column}, char(0)) = 0"
        f" AND substr({column}, 1, instr({column}, ':') - 1) NOT GLOB '*[^a-z0-9+.-]*'",
        f"length({column}) BETWEEN 3 AND 200 AND {column} ~ '^[a-z][a-z0-9+.-]*:[\\x21-\\x7e]+$'",
    )


def day(column: str) -> CheckConstraint:
    """Require that the column holds a real date of the years that a hospital can mean."""
    between = f"{column} BETWEEN '{FIRST_DAY}' AND '{LAST_DAY}'"
    return _of(
        column,
        "day",
        f"a date from {FIRST_DAY} to {LAST_DAY}",
        f"date({column}, '+0 days') IS {column} AND ({column} IS NULL OR {between})",
        between,
    )


def instant(column: str) -> CheckConstraint:
    """Require that the column holds a real instant of those years."""
    first, last = f"{FIRST_DAY}T00:00:00Z", f"{LAST_DAY}T23:59:59Z"
    between = f"{column} BETWEEN '{first}' AND '{last}'"
    return _of(
        column,
        "instant",
        f"an instant from {first} to {last}, in whole seconds",
        f"strftime('%Y-%m-%dT%H:%M:%SZ', {column}, '+0 days') IS {column}"
        f" AND ({column} IS NULL OR {between})",
        between,
    )


def flag(column: str) -> CheckConstraint:
    """Require that the column holds a boolean, also where the database has none."""
    return _of(column, "flag", "true or false", f"{column} IN (0, 1)", f"{column} IN (true, false)")


def positive(column: str) -> CheckConstraint:
    """Require that the column holds a number from 1 up, as FHIR's positiveInt."""
    return _of(column, "positive", "more than 0", f"{column} > 0")


def between(column: str, least: int, most: int) -> CheckConstraint:
    """Require that the column holds a number of a range, both its ends included."""
    return _of(column, "range", f"{least} to {most}", f"{column} BETWEEN {least} AND {most}")


def only_with(column: str, condition: str) -> CheckConstraint:
    """Require that the column is empty unless the condition holds."""
    return _of(column, "only", f"only where {condition}", f"{column} IS NULL OR {condition}")
