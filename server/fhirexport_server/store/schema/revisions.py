"""The tables of change tracking: revisions, the log of changes, the database's incarnation, tombstones.

A revision is a pair (n, digest) for each EJ and dataset. On PostgreSQL it is the base row plus the
visible deltas, so that writers append and never wait for one another. On SQLite, where writers queue
anyway, the base row alone counts. Triggers write them.

What a revision counts also names the resources that were touched: a delta does, and the row of the log that
it becomes when it is folded. On SQLite the triggers write to the log themselves.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import METADATA, TABLE
from fhirexport_server.store.schema.column_types import BIG_ID

SQLITE_DIGEST = "random() / 4"
POSTGRESQL_NONCE = "hashtextextended(gen_random_uuid()::text, 0)"
"""SQL for random whole numbers, which distinguish a revision from one of a history that a restore undid.

Not `random()` on PostgreSQL: after `setseed()` it would repeat itself.
"""
MOST_IDS = 1000
"""How many ids a row of the log names at most; beyond that, it has their range alone."""
MOST_ROWS = 10_000
"""Of a statement that changes more rows than this, no ids are collected."""
LOG_ROWS = 100_000
"""How many changes of one EJ and dataset the log keeps, the latest."""

# Which exports read a table: a change of the table moves their revisions.
READ_BY: dict[str, tuple[Dataset, ...]] = {
    "ej": (Dataset.STRUCTURE, Dataset.PATIENTS, Dataset.VENUES),
    "namespace": (Dataset.STRUCTURE, Dataset.VENUES),
    "org_unit": (Dataset.STRUCTURE, Dataset.VENUES),
    "org_member": (Dataset.STRUCTURE,),
    "place": (Dataset.STRUCTURE, Dataset.VENUES),
    "patient": (Dataset.PATIENTS,),
    "patient_identifier": (Dataset.PATIENTS,),
    "patient_contact": (Dataset.PATIENTS,),
    "venue": (Dataset.VENUES,),
    "movement": (Dataset.VENUES,),
}
# The tables whose rows are resources: their deletions are recorded.
ENTITIES = ("org_unit", "place", "patient", "venue", "movement")
# Which column of a table says which patient's or venue's resources show a row of it. What the other tables
# hold is shown by the structure, and reaches patients and venues only through what `EjContext` has of it.
NAMED_BY: dict[str, str] = {
    "patient": "id",
    "patient_identifier": "patient_id",
    "patient_contact": "patient_id",
    "venue": "id",
    "movement": "venue_id",
}


def ej_column(table: str) -> str:
    """Return the column of a table that holds the EJ."""
    return "id" if table == "ej" else "ej_id"


def _touched() -> list[Column[Any]]:
    """Return the columns that say which patients or venues a change touched, or more than these."""
    return [
        base.column("lo", BIG_ID, "The smallest id touched, of a patient or a venue; NULL where any may be"),
        base.column(
            "hi", BIG_ID, "The largest id touched; less than lo where none is, but perhaps the structure"
        ),
        base.column(
            "ids",
            ARRAY(BigInteger).with_variant(Text, "sqlite"),
            "The ids touched, some perhaps twice; NULL where all from lo to hi may be",
        ),
    ]


database_incarnation = Table(
    "database_incarnation",
    METADATA,
    Column(
        "id",
        Text,
        primary_key=True,
        comment="Random text; another one makes every etag and revision from before another database's",
    ),
    comment="Which database this is, in one row. Whoever restores a copy of files writes another id",
    **TABLE,
)

revision_base = Table(
    "revision_base",
    METADATA,
    base.column("ej_id", BIG_ID, "The EJ; 0 for what counts for every EJ", needed=True),
    base.text("dataset", "The dataset", needed=True),
    base.column("n", BIG_ID, "How many changes there were", needed=True),
    base.column(
        "digest",
        Numeric(40, 0).with_variant(Integer, "sqlite"),
        "Which changes these were: the sum of their random numbers, on SQLite the last one",
        needed=True,
    ),
    base.text("source", "The table whose change was counted last; for the log only"),
    PrimaryKeyConstraint("ej_id", "dataset"),
    checks.one_of("dataset", Dataset),
    comment="How far each dataset of each EJ has come. Triggers and the server write it, nobody else",
    **TABLE,
)

# Only PostgreSQL writes here.
revision_delta = Table(
    "revision_delta",
    METADATA,
    base.key("The change's number"),
    base.column("ej_id", BIG_ID, "The EJ; 0 for what counts for every EJ", needed=True),
    base.text("dataset", "The dataset", needed=True),
    base.column(
        "nonce",
        BigInteger().with_variant(Integer, "sqlite"),
        "A random number, which tells the change from others",
        needed=True,
    ),
    base.text("source", "The table that was changed; for the log only", needed=True),
    base.column("row_count", BIG_ID, "How many of its rows; for the log only", needed=True),
    *_touched(),
    Index(None, "ej_id", "dataset", postgresql_include=["nonce"]),
    comment="Changes that revision_base does not count yet, on PostgreSQL. Triggers write it and the server"
    " empties it, nobody else",
    **TABLE,
)

revision_log = Table(
    "revision_log",
    METADATA,
    base.column("ej_id", BIG_ID, "The EJ; 0 for what counts for every EJ", needed=True),
    base.text("dataset", "The dataset", needed=True),
    base.column("n", BIG_ID, "The n of revision_base that counted the change", needed=True),
    base.column("delta_id", BIG_ID, "The id that it had in revision_delta; NULL on SQLite"),
    base.column(
        "nonce",
        BigInteger().with_variant(Integer, "sqlite"),
        "Its random number; on SQLite, the digest of revision_base after it",
        needed=True,
    ),
    *_touched(),
    PrimaryKeyConstraint("ej_id", "dataset", "n"),
    comment=f"The last {LOG_ROWS} changes of each dataset of each EJ that revision_base counts, and which"
    " patients or venues they touched. Triggers and the server write it, nobody else",
    sqlite_with_rowid=False,
    **TABLE,
)

tombstone = Table(
    "tombstone",
    METADATA,
    base.column("ej_id", BIG_ID, "The EJ that the row belonged to", needed=True),
    base.text("table_name", "The table that it was in", needed=True),
    base.column("row_id", BIG_ID, "Its id", needed=True),
    base.instant("deleted_at", "When it was deleted, to the second", needed=True),
    PrimaryKeyConstraint("ej_id", "table_name", "row_id"),
    Index(None, "ej_id", "deleted_at"),
    comment="The rows of org_unit, place, patient, venue and movement that were deleted. Triggers write it,"
    " nobody else",
    **TABLE,
)
