"""A well-behaved caller, which calls at an even pace until its input ends.

    python -m verification.siege.callers PLAN

It tries nothing again, as the client library would: a refusal is one. At the end it prints every answer.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from time import monotonic
from typing import TYPE_CHECKING

import grpc
import msgspec
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ListLegalEntitiesRequest,
    StreamExportRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_VENUES
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from verification.siege import reaching
from verification.siege.plan import Answer, CallerPlan

if TYPE_CHECKING:
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub  # exists for type checkers only

PATIENCE = 30.0
"""How long an answer may take, in seconds."""
_SERVING = 1
_DETAILS = 100
"""How many characters of what is said of a failure are kept."""
Call = Callable[[], Awaitable[object]]


def _exports(channel: grpc.aio.Channel) -> Sequence[Call]:
    stub: ExportServiceAsyncStub = ExportServiceStub(channel)

    async def stream() -> None:
        async for _ in stub.StreamExport(
            StreamExportRequest(ej_id=2, dataset=DATASET_VENUES), timeout=PATIENCE
        ):
            pass

    return (
        lambda: stub.ExportStructure(ExportStructureRequest(ej_id=1), timeout=PATIENCE),
        lambda: stub.ExportPatients(ExportPatientsRequest(ej_id=2), timeout=PATIENCE),
        lambda: stub.ListLegalEntities(ListLegalEntitiesRequest(), timeout=PATIENCE),
        stream,
    )


def _health(channel: grpc.aio.Channel) -> Sequence[Call]:
    stub = HealthStub(channel)

    async def check() -> None:
        answer = await stub.Check(HealthCheckRequest(service=""), timeout=PATIENCE)
        if answer.status != _SERVING:
            raise NotServingError

    return (check,)


class NotServingError(Exception):
    """The server says that it does not serve."""


async def call(plan: CallerPlan) -> list[Answer]:
    """Call until the input ends; return how each call was answered."""
    answers: list[Answer] = []
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with reaching.channel(plan.target) as channel:
        asked = _health(channel) if plan.asks_health else _exports(channel)
        for ask in asked:
            await _code(ask)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        calls = cycle(asked)
        next_at = monotonic()
        while not ended.done():
            begun = monotonic()
            code = await _code(next(calls))
            answers.append(Answer(begun, monotonic() - begun, code))
            next_at = max(next_at + plan.seconds_between, monotonic())
            await asyncio.sleep(next_at - monotonic())
    return answers


async def _code(ask: Call) -> str:
    try:
        await ask()
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {(error.details() or '')[:_DETAILS]}"
    except NotServingError:
        return "NOT_SERVING"
    return "OK"


def main() -> None:
    """Call, and print the answers."""
    answers = asyncio.run(call(CallerPlan.read()))
    sys.stdout.write(msgspec.json.encode(answers).decode())


if __name__ == "__main__":
    main()
