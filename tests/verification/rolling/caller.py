"""A process that asks for one hit again and again, over several connections: `caller ADDRESS CONNECTIONS`.

It reads a number of seconds and a rate from each line of its input, calls for so long, so many times a second
(0: as often as it can), and writes how many answers it had, how many bytes, and how much processor time that
took it. Answers stay as bytes, so that it takes little.
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from typing import TypeAlias

import grpc
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest

METHOD = "/fhirexport.v1.ExportService/ExportPatients"
IN_FLIGHT = 2
"""How many calls each connection has under way."""
Call: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
REQUEST = ExportPatientsRequest(ej_id=1).SerializeToString()


async def _called(address: str, connections: int) -> None:
    async with AsyncExitStack() as stack:
        calls: list[Call] = []
        for _ in range(connections):
            channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
            await stack.enter_async_context(channel)
            calls.append(channel.unary_unary(METHOD))
        for call in calls:
            await call(REQUEST, wait_for_ready=True)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while line := await asyncio.to_thread(sys.stdin.readline):
            seconds, rate = map(float, line.split())
            begun, processor = time.monotonic(), time.process_time()
            gap = connections * IN_FLIGHT / rate if rate else 0.0
            sizes: list[int] = []

            async def lane(call: Call, due: float) -> None:
                while (now := time.monotonic()) < begun + seconds:  # noqa: B023 - it ends within its round
                    await asyncio.sleep(max(0.0, due - now))
                    sizes.append(len(await call(REQUEST)))  # noqa: B023 - the same
                    due += gap  # noqa: B023 - the same

            lanes = [call for call in calls for _ in range(IN_FLIGHT)]
            await asyncio.gather(
                *(lane(call, begun + gap * number / len(lanes)) for number, call in enumerate(lanes))
            )
            sys.stdout.write(f"{len(sizes)} {sum(sizes)} {time.process_time() - processor}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_called(sys.argv[1], int(sys.argv[2])))
