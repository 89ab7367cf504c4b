"""Everything that a full export has ever been, by its etag."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import zstandard
from fhirexport.cache_models import Dataset as DatasetName
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.exports.request import ExportRequest
from support.mirroring import Resource
from verification.mirror.writing import EJ


class Subject(NamedTuple):
    """What a mirror is of."""

    dataset: DatasetName
    movements: bool = False


SUBJECTS = (Subject("patients"), Subject("venues"), Subject("venues", movements=True), Subject("structure"))


class History:
    """The full exports of each state that was committed."""

    def __init__(self, full: Exporter) -> None:
        """Make a history.

        Args:
            full: An exporter that keeps nothing.
        """
        self._full = full
        self._texts: dict[Subject, dict[str, bytes]] = {subject: {} for subject in SUBJECTS}
        self._changed = asyncio.Condition()

    async def record(self) -> None:
        """Write the present state down."""
        for subject in SUBJECTS:
            request = ExportRequest(
                EJ,
                Dataset(subject.dataset),
                Format.NDJSON,
                Detail.MOVEMENTS if subject.movements else Detail.SUMMARY,
            )
            async with self._full.open(request) as rendering:
                text = b"".join([chunk.text() async for chunk in rendering.chunks()])
                etag = f'"{rendering.snapshot.etag}"'
            async with self._changed:
                self._texts[subject][etag] = zstandard.compress(text)
                self._changed.notify_all()

    async def text(self, subject: Subject, etag: str, patience: float) -> bytes | None:
        """Return an export; None where there never was one with this etag.

        Args:
            subject: What it is of.
            etag: Its etag.
            patience: How long to wait for a state that was committed a moment ago.
        """
        texts = self._texts[subject]
        try:
            async with asyncio.timeout(patience), self._changed:
                await self._changed.wait_for(lambda: etag in texts)
        except TimeoutError:
            return None
        return zstandard.decompress(texts[etag])

    @property
    def states(self) -> int:
        """How many states of all exports together are written down."""
        return sum(map(len, self._texts.values()))


def by_name(resources: Sequence[Resource]) -> dict[tuple[str, str], Any]:
    """Return resources by type and id."""
    return {(resource["resourceType"], resource["id"]): resource for resource in resources}
