"""Owns the table of what operators did to the cache."""

from sqlalchemy import Column, Table

from fhirexport_server.store.schema import base
from fhirexport_server.store.schema.base import METADATA, TABLE
from fhirexport_server.store.schema.column_types import BIG_ID, Instant, now_utc

cache_audit = Table(
    "cache_audit",
    METADATA,
    base.key(),
    Column("done_at", Instant, nullable=False, server_default=now_utc()),
    base.text("actor", needed=True),
    base.text("action", needed=True),
    base.text("scope", needed=True),
    Column("matched", BIG_ID, nullable=False),
    base.text("reason", needed=True),
    base.text("request_id", needed=True),
    **TABLE,
)
