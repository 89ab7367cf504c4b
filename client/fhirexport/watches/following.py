"""How a watch goes on when it ends or breaks, and what of it is still to be told. No input or output."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self

from fhirexport.cache_models import DATASETS, Dataset
from fhirexport.errors import DeadlineExceededError, ExportError, OverloadedError, UnavailableError
from fhirexport.v1.export_service_pb2 import WatchExportsRequest, WatchExportsResponse

ATTEMPTS = 5
"""How often a watch is tried that has never begun."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
END_DELAY = 0.25
"""How long at most a watch that has ended waits before it goes on: the watches of a server end together."""

_NAMES: dict[int, Dataset] = {number: name for name, number in DATASETS.items()}

OnInterruption = Callable[[ExportError], None]


class KnownRevision(Protocol):
    """A revision that the caller knows: of an earlier watch, or of an import."""

    @property
    def ej_id(self) -> int: ...  # noqa: D102 - as in ExportRevision

    @property
    def dataset(self) -> Dataset | None: ...  # noqa: D102 - as above

    @property
    def revision(self) -> str: ...  # noqa: D102 - as above


@dataclass(frozen=True)
class ExportRevision:
    """The revision that a dataset of an EJ has."""

    ej_id: int
    dataset: Dataset | None
    """None for one that this release of the library does not know."""
    revision: str
    """An export with it as `at_least` contains what was committed up to it, as every strict one does."""
    notice_time: datetime
    """When the server noticed it; aware, UTC."""

    @classmethod
    def from_message(cls, message: WatchExportsResponse.ExportRevision) -> Self:
        """Make one of the server's message."""
        return cls(
            message.ej_id,
            _NAMES.get(message.dataset),
            message.revision,
            message.notice_time.ToDatetime(tzinfo=UTC),
        )


def watching(
    ej: int | Iterable[int], datasets: Iterable[Dataset], after: Iterable[KnownRevision]
) -> WatchExportsRequest:
    """Return the request of a watch; of all datasets, where none is named.

    Raises:
        ValueError: there is no such dataset.
    """
    names = tuple(dict.fromkeys(datasets)) or tuple(DATASETS)
    if unknown := [name for name in names if name not in DATASETS]:
        raise ValueError(f"there is no dataset {unknown[0]!r}: it is one of {', '.join(DATASETS)}")
    ej_ids = (ej,) if isinstance(ej, int) else tuple(dict.fromkeys(ej))
    known = {(revision.ej_id, revision.dataset): revision.revision for revision in after}
    return WatchExportsRequest(
        exports=[
            WatchExportsRequest.WatchedExport(
                ej_id=ej_id, dataset=DATASETS[name], after_revision=known.get((ej_id, name), "")
            )
            for ej_id in ej_ids
            for name in names
        ]
    )


class Following:
    """Follows a watch across the calls that it takes.

    Use: send `request`; give each message to `accept`; when the call ends or fails, wait `delay` seconds and
    start again.
    """

    def __init__(self, request: WatchExportsRequest, on_interruption: OnInterruption | None = None) -> None:
        self.request = WatchExportsRequest()
        self.request.CopyFrom(request)
        self._places = {(wanted.ej_id, wanted.dataset): wanted for wanted in self.request.exports}
        self._on_interruption = on_interruption
        self._failures = 0
        self._has_begun = False

    def accept(self, message: WatchExportsResponse) -> list[ExportRevision]:
        """Take the next message; return what it tells."""
        self._failures = 0
        self._has_begun = True
        for told in message.exports:
            if (place := self._places.get((told.ej_id, told.dataset))) is not None:
                place.after_revision = told.revision
        return [ExportRevision.from_message(told) for told in message.exports]

    def delay(self, error: ExportError | None = None) -> float:
        """Return how many seconds to wait before sending `request` again.

        Args:
            error: what the call failed with; None where it has ended by itself.

        Raises:
            ExportError: it is of no use: the error given.
        """
        if error is None and not self._failures and self._has_begun:
            return random.uniform(0, END_DELAY)  # noqa: S311 - only spreads callers
        error = error or UnavailableError("the server ended the watch before it had begun")
        if not _is_passing(error):
            raise error
        self._failures += 1
        if not self._has_begun and self._failures >= ATTEMPTS:
            raise error
        if self._has_begun and self._failures == 1 and self._on_interruption is not None:
            self._on_interruption(error)
        backoff = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self._failures - 1, 10))
        return max(error.retry_after or 0.0, random.uniform(backoff / 2, backoff))  # noqa: S311 - as above


def _is_passing(error: ExportError) -> bool:
    # A deadline of the server's, with its reason, is that it could not get rid of a message.
    return isinstance(error, UnavailableError | OverloadedError) or (
        isinstance(error, DeadlineExceededError) and bool(error.reason)
    )


class Untold:
    """What a watch has still to tell: of each dataset, the latest."""

    def __init__(self) -> None:
        self._revisions: dict[tuple[int, Dataset | None], ExportRevision] = {}

    def put(self, revisions: Iterable[ExportRevision]) -> None:
        """Add revisions, in place of earlier ones of their datasets."""
        self._revisions.update({(revision.ej_id, revision.dataset): revision for revision in revisions})

    def take(self) -> ExportRevision | None:
        """Return the one that has waited longest; None where there is none."""
        for key in self._revisions:
            return self._revisions.pop(key)
        return None
