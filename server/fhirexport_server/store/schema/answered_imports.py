"""Owns the table of the imports that were answered, for callers who ask again."""

from sqlalchemy import Column, Index, Table, Text

from fhirexport_server.store.schema import base
from fhirexport_server.store.schema.base import METADATA, TABLE
from fhirexport_server.store.schema.column_types import Instant, now_utc

import_request = Table(
    "import_request",
    METADATA,
    Column("id", Text, primary_key=True),
    # Of what was sent: another import under the same id is refused.
    base.text("digest", needed=True),
    base.text("answer", needed=True),
    Column("done_at", Instant, nullable=False, server_default=now_utc()),
    Index(None, "done_at"),
    **TABLE,
)
