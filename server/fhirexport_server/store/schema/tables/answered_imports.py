"""The table of answered imports, for callers who ask again."""

from sqlalchemy import Column, Index, Table, Text

from fhirexport_server.store.schema import base
from fhirexport_server.store.schema.base import METADATA, TABLE

import_request = Table(
    "import_request",
    METADATA,
    Column("id", Text, primary_key=True, comment="The request_id that the caller gave, a UUID"),
    # Of the request: another import with the same id is refused.
    base.text("digest", "A digest of what was sent, and of the options", needed=True),
    base.text("answer", "What was answered; empty until the import ends", needed=True),
    base.written_at("done_at", "When the import began"),
    Index(None, "done_at"),
    comment="The imports of the last day that had a request_id, so that one that is repeated writes nothing"
    " twice; the server writes and deletes them",
    **TABLE,
)
