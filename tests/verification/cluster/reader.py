"""A process that reads as that of `make prove` does: each server by itself, and all of them as clients do."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
from fhirexport import AsyncClient
from fhirexport._internal import channels
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from verification.prove import reader
from verification.prove.asking import Door
from verification.prove.plan import Plan

ADDRESSES = "CLUSTER_ADDRESSES"
"""The variable that names the addresses of the servers, with commas between."""


@asynccontextmanager
async def doors(plan: Plan) -> AsyncIterator[list[Door]]:
    """Opens a way to each server; then, as often, one to all of them: the client chooses, and tries again."""
    addresses = os.environ[ADDRESSES].split(",")
    async with AsyncExitStack() as stack:
        found = []
        for target in (*addresses, *[f"ipv4:{','.join(addresses)}"] * (plan.servers - len(addresses))):
            client = await stack.enter_async_context(AsyncClient(target, tls=False))
            channel = grpc.aio.insecure_channel(target, options=channels.options())
            await stack.enter_async_context(channel)
            found.append(Door(client, ExportServiceStub(channel)))
        yield found


def main() -> None:
    """Reads until the time is over."""
    reader.doors = doors  # type: ignore[attr-defined] # in place of its own
    reader.main()


if __name__ == "__main__":
    main()
