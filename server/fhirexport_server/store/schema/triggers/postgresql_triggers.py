"""The triggers of PostgreSQL: they move revisions, record deletions and maintain `updated_at`.

They run for each statement and append deltas, so that writers never wait for one another. But what native
logical replication writes runs triggers of rows alone. So each table has one that nothing else runs.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from fhirexport_server.domain.datasets import EVERY_EJ
from fhirexport_server.store.schema.revisions import ENTITIES, POSTGRESQL_NONCE, READ_BY
from fhirexport_server.store.schema.triggers import postgresql_functions as functions

_REFERENCING: Final[Mapping[str, str]] = {
    "INSERT": "REFERENCING NEW TABLE AS new_rows",
    "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "REFERENCING OLD TABLE AS old_rows",
    "TRUNCATE": "",
}


class TableTrigger(NamedTuple):
    """A trigger that a table has to have, so that its changes are noticed."""

    table: str
    name: str
    events: tuple[str, ...]
    function: str
    arguments: tuple[str, ...]
    is_replicated: bool
    """Whether it runs for each row that logical replication writes. The others run for each statement."""

    def statements(self) -> Iterator[str]:
        """Yield the statements that make it."""
        arguments = ", ".join(f"'{argument}'" for argument in self.arguments)
        function = f"{self.function}({arguments})"
        referencing = "" if self.is_replicated else _REFERENCING[self.events[0]]
        when = f"AFTER {' OR '.join(self.events)} ON {self.table} {referencing}".rstrip()
        level = "ROW" if self.is_replicated else "STATEMENT"
        yield f"CREATE TRIGGER {self.name} {when}\n  FOR EACH {level} EXECUTE FUNCTION {function}"
        mode = "REPLICA" if self.is_replicated else "ALWAYS"
        yield f"ALTER TABLE {self.table} ENABLE {mode} TRIGGER {self.name}"


def triggers() -> Iterator[TableTrigger]:
    """Yield the triggers that keep the revisions and record the deletions."""
    for table, datasets in READ_BY.items():
        kind = functions.kind_of(table)
        for event in _REFERENCING:
            function = functions.TRUNCATED if event == "TRUNCATE" else functions.changed(event, kind)
            name = f"{table}_revision_{event.lower()}"
            yield TableTrigger(table, name, (event,), function, datasets, is_replicated=False)
        name, events = f"{table}_revision_replicated", ("INSERT", "UPDATE", "DELETE")
        yield TableTrigger(table, name, events, functions.replicated(kind), datasets, is_replicated=True)
    for table in ENTITIES:
        for suffix, function, is_replicated in (
            ("", functions.DELETED, False),
            ("_replicated", functions.DELETED_REPLICATED, True),
        ):
            name = f"{table}_tombstone{suffix}"
            yield TableTrigger(table, name, ("DELETE",), function, (), is_replicated=is_replicated)


def statements() -> Iterator[str]:
    """Yield the statements that make everything, and the revisions that count for every EJ."""
    # The functions keep this path. Temporary tables last, so that no writer's own can hide one of ours.
    yield "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
    yield (
        "INSERT INTO revision_base (ej_id, dataset, n, digest)\n"
        f"  SELECT {EVERY_EJ}, dataset, 0, {POSTGRESQL_NONCE}\n"
        "  FROM unnest(ARRAY['structure', 'patients', 'venues']) AS dataset"
    )
    yield from functions.statements()
    for trigger in triggers():
        yield from trigger.statements()
    for table in READ_BY:
        yield (
            f"CREATE TRIGGER {table}_updated_at BEFORE UPDATE ON {table}\n"
            f"  FOR EACH ROW EXECUTE FUNCTION {functions.UPDATED}()"
        )
