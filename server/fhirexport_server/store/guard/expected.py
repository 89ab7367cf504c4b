"""What the schema of this release has to keep revisions by: which trigger runs which function."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.schema import triggers
from fhirexport_server.store.schema.revisions import READ_BY

COUNTERS: Final = ("database_incarnation", "revision_base", "revision_delta")
"""The tables that a revision is read from."""


class Trigger(NamedTuple):
    """A trigger that has to be there."""

    table: str
    name: str
    body: str
    """SQLite: its whole text. PostgreSQL: the name of its function."""


def tables(dataset: Dataset | None = None) -> tuple[str, ...]:
    """Return the tables that an export of a dataset reads, of every export where none is given."""
    return tuple(table for table, datasets in READ_BY.items() if dataset is None or dataset in datasets)


@cache
def sqlite() -> tuple[Trigger, ...]:
    """Return the triggers that count changes on SQLite."""
    expected = []
    for statement in triggers.sqlite():
        match = re.match(r"CREATE TRIGGER (\w+) (?:AFTER|BEFORE) \w+ ON (\w+)", statement)
        if match and not match[1].endswith("_updated_at"):
            expected.append(Trigger(match[2], match[1], statement))
    return tuple(expected)


@cache
def postgresql() -> tuple[Trigger, ...]:
    """Return the triggers that count changes on PostgreSQL: those that always run."""
    statements = tuple(triggers.postgresql())
    always = set(re.findall(r"ENABLE ALWAYS TRIGGER (\w+)", "\n".join(statements)))
    pattern = r"CREATE TRIGGER (\w+) AFTER \w+ ON (\w+) .*EXECUTE FUNCTION (\w+)\("
    matches = (re.match(pattern, statement, re.DOTALL) for statement in statements)
    return tuple(Trigger(match[2], match[1], match[3]) for match in matches if match and match[1] in always)


@cache
def functions() -> Mapping[str, str]:
    """Return the text of each function that the triggers of PostgreSQL run."""
    script = "\n".join(triggers.postgresql())
    named = {trigger.body for trigger in postgresql()}
    bodies = re.findall(r"CREATE FUNCTION (\w+)\(\).*?AS \$\$(.*?)\$\$", script, re.DOTALL)
    return {name: text for name, text in bodies if name in named}
