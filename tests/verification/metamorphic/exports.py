"""What is watched: the revision and the bytes of the exports of every EJ and dataset."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import chain
from typing import NamedTuple
from unittest import mock

from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.revision import Revision
from fhirexport_server.domain.rows import EjRow
from fhirexport_server.exports import pipeline
from fhirexport_server.exports.request import ExportRequest
from fhirexport_server.formats.layout import layout
from fhirexport_server.store import queries
from fhirexport_server.store.database import Database
from fhirexport_server.store.snapshot import SnapshotReader
from verification.metamorphic.rows import EJS

QUERIES = """
ej kinds movements namespaces org_members org_units patient_contacts patient_identifiers patients places
venues
""".split()
BASE = "http://localhost:8000/fhir"


class Seen(NamedTuple):
    """A dataset of an EJ in one state of the database. Both are None where there is no such EJ."""

    revision: Revision | None
    """As `Database.revision` tells it."""
    content: bytes | None


State = dict[tuple[int, Dataset], Seen]


@contextmanager
def queries_made_once() -> Iterator[None]:
    """Keeps the exports' queries, which depend on an EJ's id only: most of the time goes into making them."""
    with ExitStack() as patches:
        for name in QUERIES:
            patches.enter_context(mock.patch.object(queries, name, cache(getattr(queries, name))))
        yield


def see(database: Database) -> State:
    """Returns every dataset of every EJ there can be, all of one state."""
    state: State = {}
    with database.snapshot() as snapshot:
        for ej_id in EJS:
            ej = snapshot.ej(ej_id)
            for dataset in Dataset:
                state[ej_id, dataset] = Seen(None, None) if ej is None else _seen(snapshot, ej, dataset)
    return state


def _seen(snapshot: SnapshotReader, ej: EjRow, dataset: Dataset) -> Seen:
    details = Detail if dataset is Dataset.VENUES else (Detail.SUMMARY,)
    contents = [_content(snapshot, ej, dataset, detail) for detail in details]
    return Seen(snapshot.revision(ej.id, dataset), b"".join(contents))


def _content(snapshot: SnapshotReader, ej: EjRow, dataset: Dataset, detail: Detail) -> bytes:
    """Returns a hash of a transaction Bundle, which holds all that the other formats do.

    What cannot be rendered has a content of its own: what came before it, and which row it is.
    """
    digest = hashlib.sha256()
    request = ExportRequest(ej.id, dataset, Format.TRANSACTION, detail)
    try:
        shared = pipeline.context(snapshot, ej, request, BASE)
        entry = layout(Format.TRANSACTION, BASE).entry
        for _, groups in pipeline.blocks(snapshot, ej, request, shared):
            for resource in chain.from_iterable(groups):
                digest.update(entry(resource))
    except RowNotRenderableError as refused:
        digest.update(f"{refused.table} {refused.row_id} {refused.rule}".encode())
    return digest.digest()
