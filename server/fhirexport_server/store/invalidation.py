"""Owns making exports outdated on purpose: their revisions move, and who wanted it is written down."""

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import BigInteger, Connection, Integer, literal_column, select, tuple_, update

from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store import schema
from fhirexport_server.store.schema.revisions import POSTGRESQL_NONCE, SQLITE_DIGEST

SOURCE = "cache_admin"
"""What stands for a table's name where no table was changed."""


def ej_ids(connection: Connection) -> list[int]:
    """Returns the id of every EJ."""
    return list(connection.execute(select(schema.ej.c.id).order_by(schema.ej.c.id)).scalars())


def invalidate(connection: Connection, exports: Iterable[tuple[int, Dataset]], entry: AuditEntry) -> None:
    """Moves the revisions of exports, EVERY_EJ's for all EJs, as if their data had changed.

    It holds in every process once the transaction commits, whatever any cache says.
    """
    wanted = [(ej_id, dataset.value) for ej_id, dataset in exports]
    if wanted and connection.dialect.name == "postgresql":
        # As the triggers do: nobody waits for anybody.
        rows = [
            {"ej_id": ej_id, "dataset": dataset, "source": SOURCE, "row_count": 0}
            for ej_id, dataset in wanted
        ]
        nonce = literal_column(POSTGRESQL_NONCE, BigInteger)
        connection.execute(schema.revision_delta.insert().values(nonce=nonce), rows)
    elif wanted:
        base = schema.revision_base
        connection.execute(
            update(base)
            .where(tuple_(base.c.ej_id, base.c.dataset).in_(wanted))
            .values(n=base.c.n + 1, digest=literal_column(SQLITE_DIGEST, Integer), source=SOURCE)
        )
    # Inline: to be told the new id would take a right to read.
    connection.execute(schema.cache_audit.insert().inline(), asdict(entry))
