"""Servers are killed under exports: of whatever a client has received, the audit trail has the line.

Several clients export over connections of their own, each call under a request id of its own, while the
server is killed (`kill -9`). What it had sent by then is counted on the wire, so that a part of a message
counts as well. The next server goes on with the same trail. In the end the whole trail is verified.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import grpc
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, ExportVenuesRequest, StreamExportRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.audit.reading import events_of
from fhirexport_server.audit.verification import verify
from support.server import server_process
from verification.audit.wiretap import Wiretap

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

CLIENTS = 6
CHAIN = "audit"
_LONGEST_SECONDS = 0.6
"""How long the clients go on before a kill, at most."""
_WARM = 0.8
"""How often a server is killed only after all clients have had an answer: then most are hits."""
_PAUSES = (0.0, 0.002)
"""How slowly clients read: of those that read slowly, a message is cut in its middle."""
_HEADERS_BYTES = 3000
"""More than the headers of an answer and the frames around it take, less than any content here."""


@dataclass
class KillTally:
    """What came of the kills."""

    kills: int = 0
    answered: int = 0
    """Calls that were answered whole."""
    cut_off: int = 0
    """Calls of which a part had left when the server died."""
    begun: int = 0
    """Calls that have a line, whether anything of them left or not."""
    without_line: list[str] = field(default_factory=list)
    """Calls of which something left, and that have no line. None must be."""
    torn: int = 0
    """Lines that were not written to their end, and that the next start told of."""
    problems: list[str] = field(default_factory=list)
    """What is wrong with the trail. Nothing must be."""

    @property
    def wrong(self) -> int:
        """How much there is that must not be."""
        return len(self.without_line) + len(self.problems)


@dataclass
class Exporting:
    """One client, and what it has received."""

    tap: Wiretap
    answered: list[str] = field(default_factory=list)
    under_way: str = ""
    before: int = 0
    """What had come when the call under way was begun."""

    @property
    def received(self) -> list[str]:
        """The calls of which something has come."""
        has_part = self.under_way and self.tap.received - self.before > _HEADERS_BYTES
        return [*self.answered, *([self.under_way] if has_part else [])]

    async def run(self, address: str, dice: random.Random) -> None:
        """Exports until the server is gone."""
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        async with grpc.aio.insecure_channel(address, options) as channel:
            stub: ExportServiceAsyncStub = ExportServiceStub(channel)
            while True:
                self.under_way, self.before = str(uuid4()), self.tap.received
                metadata = (("x-request-id", self.under_way),)
                try:
                    await _exported(stub, dice.randrange(3), metadata)
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.UNAVAILABLE:
                        raise
                    return
                self.answered.append(self.under_way)


async def _exported(stub: "ExportServiceAsyncStub", kind: int, metadata: tuple[tuple[str, str], ...]) -> None:
    match kind:
        case 0:
            await stub.ExportPatients(ExportPatientsRequest(ej_id=1), metadata=metadata)
        case 1:
            await stub.ExportVenues(ExportVenuesRequest(ej_id=1), metadata=metadata)
        case _:
            request = StreamExportRequest(ej_id=1, dataset=types.DATASET_VENUES)
            async for _ in stub.StreamExport(request, metadata=metadata):
                pass


async def killed(
    url: str, directory: Path, kills: int, dice: random.Random, *, module: str = ""
) -> KillTally:
    """Kill servers, each under exports.

    Args:
        url: of a database that holds an EJ.
        directory: where servers run, and where the trail is.
        kills: how many.
        dice: what there is to chance.
        module: what runs the server, after it has changed something.
    """
    tally, trail = KillTally(), directory / "audit"
    received: list[str] = []
    for _ in range(kills):
        received += await _one(Place(url, directory, trail, module), tally, dice)
        tally.kills += 1
    begun: Mapping[str, int] = {
        event["request_id"]: event["sequence"]
        for event in events_of(trail, CHAIN)
        if event["event"] == "begun"
    }
    tally.begun = len(begun)
    tally.without_line = [request_id for request_id in received if request_id not in begun]
    # The last one was killed as well: what it left is what the next start finds.
    async with server_process(directory, url, AUDIT_DIRECTORY=str(trail)):
        pass
    verdict = verify(trail, CHAIN)
    tally.problems = verdict.problems
    tally.torn = len(verdict.notes)
    return tally


class Place(NamedTuple):
    """Where servers run, one after the other."""

    url: str
    directory: Path
    trail: Path
    module: str


async def _one(place: Place, tally: KillTally, dice: random.Random) -> list[str]:
    """Kill one server; return the calls of which something was received."""
    async with AsyncExitStack() as stack:
        # A small file: rotations are killed as well.
        variables: Any = {"AUDIT_DIRECTORY": str(place.trail), "AUDIT_FILE_BYTES": str(64 * 1024)}
        server = await stack.enter_async_context(
            server_process(place.directory, place.url, module=place.module, **variables)
        )
        clients = [Exporting(Wiretap(server.address, _PAUSES[number % 2])) for number in range(CLIENTS)]
        running = [
            asyncio.create_task(client.run(await stack.enter_async_context(client.tap.open()), dice))
            for client in clients
        ]
        if dice.random() < _WARM:
            while not all(client.answered for client in clients):
                await asyncio.sleep(0.01)
        await asyncio.sleep(dice.uniform(0, _LONGEST_SECONDS))
        server.process.kill()
        await server.process.wait()
        await asyncio.gather(*running)
    tally.answered += sum(len(client.answered) for client in clients)
    tally.cut_off += sum(len(client.received) - len(client.answered) for client in clients)
    return [request_id for client in clients for request_id in client.received]
