"""A process that asks for one hit again and again, over several connections: `caller ADDRESS CONNECTIONS`.

It reads a number of seconds from each line of its input, calls for so long, and writes how many answers it
had, how many bytes, and how much processor time that took it. Answers stay as bytes, so that it takes little.
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
            until, processor = time.monotonic() + float(line), time.process_time()
            sizes: list[int] = []

            async def lane(call: Call) -> None:
                while time.monotonic() < until:  # noqa: B023 - it ends within its round
                    sizes.append(len(await call(REQUEST)))  # noqa: B023 - the same

            await asyncio.gather(*(lane(call) for call in calls for _ in range(IN_FLIGHT)))
            sys.stdout.write(f"{len(sizes)} {sum(sizes)} {time.process_time() - processor}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_called(sys.argv[1], int(sys.argv[2])))
