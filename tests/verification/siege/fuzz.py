"""An attack by messages at random, to every method: well-formed with odd values, mutated, and noise."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random

import grpc
from fhirexport.v1 import cache_admin_pb2, export_service_pb2, import_service_pb2
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from verification.siege import reaching
from verification.siege.messages import message
from verification.siege.plan import Assault

_CHANNELS = 4
_CALLS = 8
"""How many calls of a channel there are at once."""
_CALL_SECONDS = 10.0
_ANSWERS = 1000
"""How many messages of an answer are read before the call is cancelled; of a watch, one: it never ends."""
_WATCHES = ("Watch", "WatchExports")
_OWN = "Internal error from Core"
_FILES = (export_service_pb2, import_service_pb2, cache_admin_pb2, health_pb2, reflection_pb2)
_LEFT_OUT = ("Flush", "Invalidate", "Warm")
"""They do as they are told: exports are then made anew, which is nothing that went wrong."""
METHODS = [
    method
    for file in _FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
"""Every method of a server."""


async def fuzz(assault: Assault) -> None:
    """Send messages to the methods that leave exports as they are, many at once."""
    await send(assault, [method for method in METHODS if method.name not in _LEFT_OUT])


async def send(assault: Assault, methods: Sequence[MethodDescriptor]) -> None:
    """Send messages to some methods, many at once."""
    random = Random(assault.plan.seed)
    options = [("grpc.use_local_subchannel_pool", 1)]

    async def lane(channel: grpc.aio.Channel) -> None:
        while assault.goes_on:
            await _call(assault, channel, random.choice(methods), random)
            await asyncio.sleep(assault.plan.pause)

    async with asyncio.TaskGroup() as group:
        channels = [reaching.channel(assault.plan.target, options) for _ in range(_CHANNELS)]
        lanes = [group.create_task(lane(channel)) for channel in channels for _ in range(_CALLS)]
        await asyncio.wait(lanes)
        for channel in channels:
            await channel.close()


async def _call(
    assault: Assault, channel: grpc.aio.Channel, method: MethodDescriptor, random: Random
) -> None:
    count = random.randint(1, 8) if method.client_streaming else 1
    messages = [message(method, random) for _ in range(count)]
    assault.sent.add(*messages)
    # On the wire every method streams.
    begin: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
        f"/{method.containing_service.full_name}/{method.name}"
    )
    call = begin(_each(messages), timeout=_CALL_SECONDS, wait_for_ready=True)
    try:
        for _ in range(1 if method.name in _WATCHES else _ANSWERS):
            if await call.read() is grpc.aio.EOF:
                assault.sent.ended((await call.code()).name)
                return
        assault.sent.ended("cancelled")
    except grpc.aio.AioRpcError as error:
        # The client's own word, where the server has ended the call before it took the last message.
        is_own = (error.details() or "").startswith(_OWN)
        assault.sent.ended("ended early" if is_own else error.code().name)
    finally:
        call.cancel()


async def _each(messages: Sequence[bytes]) -> AsyncIterator[bytes]:
    for one in messages:
        yield one
