"""Invalidation on request: the revisions of exports move, and the audit log says who asked for it."""

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import BigInteger, Connection, Integer, insert, literal_column, select, tuple_, update

from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store import schema
from fhirexport_server.store.schema.revisions import POSTGRESQL_NONCE, SQLITE_DIGEST

SOURCE = "cache_admin"
"""The `source` of a revision that moved although no table was changed."""


def ej_ids(connection: Connection) -> list[int]:
    """Return the id of every EJ."""
    return list(connection.execute(select(schema.ej.c.id).order_by(schema.ej.c.id)).scalars())


def invalidate(connection: Connection, exports: Iterable[tuple[int, Dataset]], entry: AuditEntry) -> None:
    """Move the revisions of exports, EVERY_EJ's for all EJs, as if their data had changed.

    Every process goes by it once the transaction commits, whatever any cache holds.
    """
    keys = [(ej_id, dataset.value) for ej_id, dataset in exports]
    if keys and connection.dialect.name == "postgresql":
        # Appended, as the triggers do, so that writers never wait for one another.
        rows = [
            {"ej_id": ej_id, "dataset": dataset, "source": SOURCE, "row_count": 0} for ej_id, dataset in keys
        ]
        nonce = literal_column(POSTGRESQL_NONCE, BigInteger)
        connection.execute(schema.revision_delta.insert().values(nonce=nonce), rows)
    elif keys:
        base, log = schema.revision_base, schema.revision_log
        moved = tuple_(base.c.ej_id, base.c.dataset).in_(keys)
        connection.execute(
            update(base)
            .where(moved)
            .values(n=base.c.n + 1, digest=literal_column(SQLITE_DIGEST, Integer), source=SOURCE)
        )
        # Without ids: everything may have changed.
        logged = select(base.c.ej_id, base.c.dataset, base.c.n, base.c.digest).where(moved)
        connection.execute(
            insert(log).prefix_with("OR REPLACE").from_select(["ej_id", "dataset", "n", "nonce"], logged)
        )
    # Inline: returning the new id would need the right to read the table.
    connection.execute(schema.cache_audit.insert().inline(), asdict(entry))
