"""What a test has told the server: what it holds, how it fails; and what the server has received."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from threading import Condition

import grpc
from google.protobuf.message import Message

from fhirexport.cache_models import Dataset
from fhirexport.models import LegalEntity
from fhirexport.testing.calls import ReceivedCall, ReceivedImport
from fhirexport.testing.content import Content
from fhirexport.testing.failures import Failure

_PREFIX = "fake-"
EXPORTS = ("StreamExport", "ExportStructure", "ExportPatients", "ExportVenues")


@dataclass
class ScriptedFailure:
    """A failure that is still to come."""

    failure: Failure
    method: str | None
    """Which method fails; None for every one."""
    times: int | None
    """How many calls still fail; None for all."""
    after_chunks: int
    """How many chunks of a stream, or messages of a watch, come before it."""

    def is_for(self, method: str) -> bool:
        """Say whether a call of a method fails so."""
        if self.after_chunks and method not in {"StreamExport", "WatchExports"}:
            return False
        return self.method is None or self.method == method


@dataclass(frozen=True)
class Held:
    """What the server holds of one dataset."""

    content: Content
    revision: str
    read_time: datetime
    incarnation: str


@dataclass
class Script:
    """The state of the server. Tests and the threads of calls share it: use the methods."""

    entities: dict[int, LegalEntity] = field(default_factory=dict)
    calls: list[ReceivedCall] = field(default_factory=list)
    imports: list[ReceivedImport] = field(default_factory=list)
    incarnation: str = "fake"
    _failures: list[ScriptedFailure] = field(default_factory=list)
    _held: dict[tuple[int, Dataset, bool], Held] = field(default_factory=dict)
    _revisions: Iterable[int] = field(default_factory=lambda: count(1))
    _lock: Condition = field(default_factory=Condition)
    """Notified when something is put there, and when a watch is to look around."""

    def add_entity(self, entity: LegalEntity) -> None:
        """Hold an EJ, in place of the one with its id."""
        with self._lock:
            self.entities[entity.ej_id] = entity

    def hold(self, ej_id: int, dataset: Dataset, content: Content, *, movements: bool) -> str:
        """Hold a dataset in place of what there was; return its revision. An EJ that is not there is made."""
        with self._lock:
            revision = f"{_PREFIX}{next(iter(self._revisions))}"
            self._held[ej_id, dataset, movements] = Held(
                content, revision, datetime.now(UTC), self.incarnation
            )
            self.entities.setdefault(ej_id, default_entity(ej_id))
            self._lock.notify_all()
        return revision

    def held(self, ej_id: int, dataset: Dataset, *, movements: bool) -> Held | None:
        """Return a dataset, which is empty where nothing was put; None where there is no such EJ.

        Venues with movements are those without where no others were put.
        """
        with self._lock:
            if ej_id not in self.entities:
                return None
            plain = self._held.get((ej_id, dataset, False))
            held = self._held.get((ej_id, dataset, True), plain) if movements else plain
            return held or Held(Content(()), f"{_PREFIX}0", datetime.now(UTC), self.incarnation)

    def revision(self, ej_id: int, dataset: Dataset) -> str | None:
        """Return the latest revision of a dataset, whatever its movements; None where there is no such EJ."""
        with self._lock:
            return self._revision(ej_id, dataset)

    def changed(
        self, known: Mapping[tuple[int, Dataset], str], is_over: Callable[[], bool]
    ) -> dict[tuple[int, Dataset], str]:
        """Wait until datasets have other revisions than those that are known; return theirs.

        Args:
            known: the revisions, by EJ and dataset.
            is_over: whether to return at once, with nothing; `look_around` has it asked again.
        """

        def news() -> dict[tuple[int, Dataset], str]:
            present = {export: self._revision(*export) for export in known}
            return {
                export: new for export, new in present.items() if new is not None and new != known[export]
            }

        with self._lock:
            self._lock.wait_for(lambda: is_over() or news())
            return {} if is_over() else news()

    def look_around(self) -> None:
        """Have those who wait for a change ask whether it is over."""
        with self._lock:
            self._lock.notify_all()

    def _revision(self, ej_id: int, dataset: Dataset) -> str | None:
        if ej_id not in self.entities:
            return None
        held = (self._held.get((ej_id, dataset, movements)) for movements in (False, True))
        numbers = [int(each.revision.removeprefix(_PREFIX)) for each in held if each is not None]
        return f"{_PREFIX}{max(numbers, default=0)}"

    def pages(self, finess: str) -> list[LegalEntity]:
        """Return the EJs by id; only the one with this FINESS number where one is given."""
        with self._lock:
            entities = sorted(self.entities.values(), key=lambda entity: entity.ej_id)
        return [entity for entity in entities if finess in {"", entity.finess}]

    def fail(self, scripted: ScriptedFailure) -> None:
        """Have calls fail, after those that were said before."""
        with self._lock:
            self._failures.append(scripted)

    def recover(self) -> None:
        """Forget the failures that are still to come."""
        with self._lock:
            self._failures.clear()

    def receive(
        self, method: str, request: Message, context: grpc.ServicerContext
    ) -> tuple[str, ScriptedFailure | None]:
        """Note a call; return its request id, and how it is to fail."""
        metadata = {str(key): value for key, value in context.invocation_metadata()}
        with self._lock:
            self.calls.append(ReceivedCall(method, request, metadata))
            request_id = f"fake-call-{len(self.calls)}"
            scripted = next((each for each in self._failures if each.is_for(method)), None)
            if scripted is not None and scripted.times is not None:
                scripted.times -= 1
                if not scripted.times:
                    self._failures.remove(scripted)
        return request_id, scripted

    def receive_import(self, received: ReceivedImport) -> None:
        """Note an import that is answered."""
        with self._lock:
            self.imports.append(received)


def default_entity(ej_id: int) -> LegalEntity:
    """Return the EJ that is made where a test says no more than its id."""
    return LegalEntity(ej_id, f"{ej_id:09}", f"EJ {ej_id}", active=True)
