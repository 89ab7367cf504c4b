"""Owns the tables that say how far the data has come: revisions, the database's incarnation, tombstones.

A revision is a pair (n, digest) for each EJ and dataset. On PostgreSQL it is the base row plus the
visible deltas, so that writers append and never wait for one another; on SQLite, where writers queue
anyway, the base row alone is counted up. The triggers of `triggers.py` write them.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Numeric, PrimaryKeyConstraint, Table, Text

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.schema import base, checks
from fhirexport_server.store.schema.base import METADATA, TABLE
from fhirexport_server.store.schema.column_types import BIG_ID

SQLITE_DIGEST = "random() / 4"
POSTGRESQL_NONCE = "(random() * 9e18)::bigint"
"""Whole numbers, as SQL: what tells a revision from one of a branch that was lost."""

# Which exports read a table: a change of the table bumps these.
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

database_incarnation = Table(
    "database_incarnation",
    METADATA,
    Column("id", Text, primary_key=True),
    **TABLE,
)

revision_base = Table(
    "revision_base",
    METADATA,
    Column("ej_id", BIG_ID, nullable=False, autoincrement=False),
    Column("dataset", Text, nullable=False),
    Column("n", BIG_ID, nullable=False),
    Column("digest", Numeric(40, 0).with_variant(Integer, "sqlite"), nullable=False),
    # The table whose change was counted last: for the log only.
    Column("source", Text),
    PrimaryKeyConstraint("ej_id", "dataset"),
    checks.one_of("dataset", Dataset),
    **TABLE,
)

# Only PostgreSQL writes here.
revision_delta = Table(
    "revision_delta",
    METADATA,
    base.key(),
    Column("ej_id", BIG_ID, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("nonce", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
    # The table that was changed, and how many of its rows: for the log only.
    Column("source", Text, nullable=False),
    Column("row_count", BIG_ID, nullable=False),
    Index(None, "ej_id", "dataset", postgresql_include=["nonce"]),
    **TABLE,
)

tombstone = Table(
    "tombstone",
    METADATA,
    Column("ej_id", BIG_ID, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("row_id", BIG_ID, nullable=False),
    base.instant("deleted_at", needed=True),
    PrimaryKeyConstraint("ej_id", "table_name", "row_id"),
    Index(None, "ej_id", "deleted_at"),
    **TABLE,
)
