"""One read: what is requested, by which interface, and what of the response is recorded."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from fhirexport import AsyncClient, ExportError, Snapshot
from fhirexport.errors import from_rpc
from fhirexport.models import Format
from fhirexport.v1 import export_service_pb2 as messages
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from google.protobuf.duration_pb2 import Duration
from verification.prove.history import Content, Read, Recorder, digest
from verification.prove.plan import Plan
from verification.prove.stamps import marks

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

PATIENCE = 30.0
"""How long a read may take before it counts as failed, in seconds."""

_FORMATS: dict[Format, types.Format.ValueType] = {
    "bundle": types.FORMAT_BUNDLE,
    "transaction": types.FORMAT_TRANSACTION,
    "ndjson": types.FORMAT_NDJSON,
}
_KEPT = 4
"""How many answers to each kind of question a reader remembers."""


class Question(NamedTuple):
    """What to ask for."""

    export: str
    layout: Format
    movements: bool = False
    text: bool = False
    """Whether to ask for one message of text, instead of a compressed stream."""

    @property
    def shape(self) -> str:
        """What else than the export shapes the bytes."""
        return f"{self.layout}.movements" if self.movements else self.layout


class Held(NamedTuple):
    """An answer that a reader has."""

    etag: str
    revision: str
    digest: str


class Demand(NamedTuple):
    """What the answer must contain."""

    mode: str = "strict"
    bound: float = 0.0
    token: str = ""
    basis: str = ""
    condition: Held | None = None


class Door(NamedTuple):
    """The two ways into one server."""

    client: AsyncClient
    stub: "ExportServiceAsyncStub"


class Asker:
    """Asks, records, and remembers answers as grounds for later questions."""

    def __init__(self, plan: Plan, doors: list[Door], recorder: Recorder) -> None:
        self._plan = plan
        self._doors = doors
        self._recorder = recorder
        self._known: set[str] = set()
        self._held: dict[tuple[str, str], deque[Held]] = defaultdict(lambda: deque(maxlen=_KEPT))

    @property
    def servers(self) -> int:
        """How many servers there are."""
        return len(self._doors)

    def recent(self, random: Random, question: Question) -> Held | None:
        """Returns an answer of this shape that is held: most often the last one."""
        held = self._held[question.export, question.shape]
        if not held:
            return None
        return held[-1] if random.random() < 0.85 else random.choice(held)

    async def ask(self, server: int, question: Question, demand: Demand, *, pursuit: bool = False) -> bool:
        """Reads once; returns whether there was an answer."""
        condition = demand.condition
        start, failure, answer = monotonic(), "", None
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._answer(self._doors[server], question, demand)
        except ExportError as error:
            failure = f"{error.code.name} {error.reason or type(error).__name__}"
        except TimeoutError:
            failure = "no answer"
        end = monotonic()
        common: dict[str, Any] = {
            "reader": self._plan.number,
            "server": server,
            "export": question.export,
            "layout": question.shape,
            "text": question.text,
            "mode": demand.mode,
            "start": start,
            "end": end,
            "pursuit": pursuit,
            "bound": demand.bound,
            "basis": demand.basis,
            "condition": condition.etag if condition else "",
        }
        if answer is None:
            self._recorder.add(Read(**common, failure=failure))
            return False
        content, snapshot, not_modified = answer
        shown = condition.digest if condition and not_modified else self._shown(content)
        self._recorder.add(
            Read(
                **common,
                not_modified=not_modified,
                digest=shown,
                etag=snapshot.etag,
                revision=snapshot.revision,
                root=snapshot.root,
                source=snapshot.source,
                cache_status=snapshot.cache_status,
            )
        )
        self._held[question.export, question.shape].append(Held(snapshot.etag, snapshot.revision, shown))
        return True

    def _shown(self, content: bytes) -> str:
        known = digest(content)
        if known not in self._known:
            self._known.add(known)
            self._recorder.add(Content(known, marks(content)))
        return known

    async def _answer(self, door: Door, question: Question, demand: Demand) -> tuple[bytes, Snapshot, bool]:
        if question.text:
            return await _message(door.stub, question, demand)
        ej_id, _, dataset = question.export.partition("/")
        options: dict[str, Any] = {"movements": True} if question.movements else {}
        match demand.mode:
            case "max_staleness":
                options["max_staleness"] = timedelta(seconds=demand.bound)
            case "at_least":
                options["at_least"] = demand.token
            case "bypass":
                options["fresh"] = True
        if demand.condition is not None:
            options["if_none_match"] = demand.condition.etag
        export = getattr(door.client, dataset)(int(ej_id), **options)
        content: bytes = await export.read(question.layout)
        return content, export.snapshot, export.not_modified


async def _message(
    stub: "ExportServiceAsyncStub", question: Question, demand: Demand
) -> tuple[bytes, Snapshot, bool]:
    """Asks for one message of text, which the library never does."""
    ej_id, _, dataset = question.export.partition("/")
    methods: dict[str, tuple[Any, Any]] = {
        "structure": (messages.ExportStructureRequest, stub.ExportStructure),
        "patients": (messages.ExportPatientsRequest, stub.ExportPatients),
        "venues": (messages.ExportVenuesRequest, stub.ExportVenues),
    }
    kind, method = methods[dataset]
    fields: dict[str, Any] = {"detail": types.VENUE_DETAIL_MOVEMENTS} if question.movements else {}
    request = kind(
        ej_id=int(ej_id),
        format=_FORMATS[question.layout],
        if_none_match=demand.condition.etag if demand.condition else "",
        consistency=_consistency(demand),
        **fields,
    )
    call = method(request, timeout=PATIENCE)
    try:
        answer = await call
        metadata = dict(await call.initial_metadata())
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from error
    snapshot = Snapshot.from_message(answer.snapshot, str(metadata.get("cache-status", "")))
    return answer.json.encode(), snapshot, answer.not_modified


def _consistency(demand: Demand) -> types.Consistency | None:
    match demand.mode:
        case "max_staleness":
            duration = Duration()
            duration.FromTimedelta(timedelta(seconds=demand.bound))
            return types.Consistency(max_staleness=duration)
        case "at_least":
            return types.Consistency(at_least=demand.token)
        case "bypass":
            return types.Consistency(bypass_cache=True)
    return None


@asynccontextmanager
async def doors(plan: Plan) -> AsyncIterator[list[Door]]:
    """Opens the ways into every server."""
    async with AsyncExitStack() as stack:
        found = []
        for server in range(plan.servers):
            target = f"unix:{plan.socket(server)}"
            client = await stack.enter_async_context(AsyncClient(target))
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(target))
            found.append(Door(client, ExportServiceStub(channel)))
        yield found
