"""Many watchers in one process: `python -m verification.watches.watchers ADDRESS COUNT`.

Prints `ready` once each has its first message. When its input ends, prints what each was told: a line for
each watcher, in JSON, with pairs of a revision and when it came, in seconds since 1970.
"""

import asyncio
import json
import sys
import time

import grpc
from fhirexport.v1.export_service_pb2 import WatchExportsRequest, WatchExportsResponse
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.types_pb2 import DATASET_VENUES

_CALLS = 50
"""How many calls of a connection there are: a server permits a hundred."""
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
_REQUEST = WatchExportsRequest(exports=[WatchExportsRequest.WatchedExport(ej_id=1, dataset=DATASET_VENUES)])


async def _watch(channel: grpc.aio.Channel, begun: asyncio.Semaphore, told: list[tuple[str, float]]) -> None:
    call = ExportServiceStub(channel).WatchExports(_REQUEST)
    while isinstance(message := await call.read(), WatchExportsResponse):
        now = time.time()
        told += [(one.revision, now) for one in message.exports]
        if len(told) == 1:
            begun.release()


async def _main(address: str, count: int) -> None:
    channels = [
        grpc.aio.insecure_channel(address, options=_OWN_CONNECTION) for _ in range(-(-count // _CALLS))
    ]
    begun = asyncio.Semaphore(0)
    told: list[list[tuple[str, float]]] = [[] for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        watches = [
            group.create_task(_watch(channels[number // _CALLS], begun, told[number]))
            for number in range(count)
        ]
        for _ in range(count):
            await begun.acquire()
        print("ready", flush=True)  # noqa: T201 - what the parent reads
        await asyncio.to_thread(sys.stdin.read)
        for watch in watches:
            watch.cancel()
    for one in told:
        print(json.dumps(one))  # noqa: T201 - as above
    for channel in channels:
        await channel.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
