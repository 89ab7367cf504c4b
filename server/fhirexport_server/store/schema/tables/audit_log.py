"""The audit log: what operators did to the cache."""

from sqlalchemy import Table

from fhirexport_server.store.schema import base
from fhirexport_server.store.schema.base import METADATA, TABLE
from fhirexport_server.store.schema.column_types import BIG_ID

cache_audit = Table(
    "cache_audit",
    METADATA,
    base.key("The entry's number"),
    base.written_at("done_at", "When it was done"),
    base.text(
        "actor", "Who did it: the identity of the caller, or its address where nobody is asked", needed=True
    ),
    base.text("action", "What was done: invalidate or flush", needed=True),
    base.text("scope", "The pattern of the keys that it was done to", needed=True),
    base.column("matched", BIG_ID, "How many exports of an EJ it took in", needed=True),
    base.text("reason", "Why, in the operator's words; empty where none was given", needed=True),
    base.text("request_id", "The id of the call, as in the log", needed=True),
    comment="What operators did to the cache; the server writes it, and nothing reads it",
    **TABLE,
)
