"""An attack by messages at random, to every method: well-formed with odd values, mutated, and noise."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Any

import grpc
from fhirexport.v1 import cache_admin_pb2, export_service_pb2, import_service_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
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
_DEPTH = 3
_INTEGERS = (0, 1, 2, 3, 7, 100, 2**31 - 1, 2**32 - 1, 2**63 - 1, -1, -(2**31), -(2**63))
_TEXTS = (
    *(
        "",
        "x",
        "*",
        "\0",
        "\x1b[2J",
        "é",
        "\u202e",
        "\U0001f600",
        "null",
        "-1",
        "1/2",
        "../..",
        "'; --",
        "%s%n",
    ),
    *('"', 'W/"x"', "urn:uuid:", "00000000-0000-0000-0000-000000000000", "{", "x" * 5000, "fhirexport.v1"),
)
_VALUES: Mapping[int, Sequence[object]] = {
    FieldDescriptor.CPPTYPE_STRING: _TEXTS,
    FieldDescriptor.CPPTYPE_BOOL: (False, True),
    FieldDescriptor.CPPTYPE_FLOAT: (0.0, -1.0, 1e30, float("inf"), float("nan")),
    FieldDescriptor.CPPTYPE_DOUBLE: (0.0, -1.0, 1e308, float("inf"), float("nan")),
    FieldDescriptor.CPPTYPE_ENUM: (0, 1, 2, 3, 99, -1),
    FieldDescriptor.CPPTYPE_INT32: [number for number in _INTEGERS if -(2**31) <= number < 2**31],
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: _INTEGERS,
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, 2**64 - 1),
}
"""What a field may be, by the type that it has in C++."""
_SYSTEM = "urn:oid:1.2.250.1.71.4.2.2"
_RESOURCES: Sequence[dict[str, Any]] = (
    {
        "resourceType": "Organization",
        "id": "1",
        "identifier": [{"system": _SYSTEM, "value": "1"}],
        "name": "a",
    },
    {"resourceType": "Location", "id": "l", "status": "active", "partOf": {"reference": "Location/l"}},
    {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1980-02-30", "name": [{}]},
    {"resourceType": "Encounter", "id": "e", "class": {"code": "IMP"}, "period": {"start": "2024-01-01"}},
)


async def fuzz(assault: Assault) -> None:
    """Send messages to every method, many at once."""
    random = Random(assault.plan.seed)
    methods = [
        method
        for file in _FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.name not in _LEFT_OUT
    ]
    options = [("grpc.use_local_subchannel_pool", 1)]

    async def lane(channel: grpc.aio.Channel) -> None:
        while assault.goes_on:
            await _call(assault, channel, random.choice(methods), random)
            await asyncio.sleep(assault.plan.pause)

    async with asyncio.TaskGroup() as group:
        channels = [
            grpc.aio.insecure_channel(assault.plan.address, options=options) for _ in range(_CHANNELS)
        ]
        lanes = [group.create_task(lane(channel)) for channel in channels for _ in range(_CALLS)]
        await asyncio.wait(lanes)
        for channel in channels:
            await channel.close()


async def _call(
    assault: Assault, channel: grpc.aio.Channel, method: MethodDescriptor, random: Random
) -> None:
    count = random.randint(1, 8) if method.client_streaming else 1
    messages = [_message(method, random) for _ in range(count)]
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
    for message in messages:
        yield message


def _message(method: MethodDescriptor, random: Random) -> bytes:
    """Return a message for a method: one in ten is noise, half of the others are mutated."""
    if random.random() < 1 / 10:
        return random.randbytes(random.choice((0, 1, 2, 10, 100, 1000)))
    message = GetMessageClass(method.input_type)()
    _fill(message, random, _DEPTH)
    content = message.SerializeToString()
    return _mutated(content, random) if random.random() < 1 / 2 else content


def _fill(message: Message, random: Random, depth: int) -> None:
    """Give some fields of a message values at random."""
    for field in message.DESCRIPTOR.fields:
        if random.random() < 1 / 3:
            continue
        if field.message_type is not None:
            if depth and not field.message_type.GetOptions().map_entry:
                part = getattr(message, field.name)
                _fill(part.add() if field.is_repeated else part, random, depth - 1)
        elif field.is_repeated:
            getattr(message, field.name).extend([_value(field, random) for _ in range(random.randint(0, 3))])
        else:
            setattr(message, field.name, _value(field, random))


def _value(field: Any, random: Random) -> object:  # noqa: ANN401 - protobuf has two classes of these
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _mutated(_line(random), random)
    if field.name == "bundle":
        return _bundle(random)
    return random.choice(_VALUES[field.cpp_type])


def _bundle(random: Random) -> str:
    """Return a Bundle, mutated more often than not."""
    kind = random.choice(("transaction", "batch", "collection", "document", ""))
    entries = [{"resource": random.choice(_RESOURCES)} for _ in range(random.randint(0, 3))]
    content = json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()
    if random.random() < 2 / 3:
        content = _mutated(content, random)
    return content.decode(errors="replace")


def _line(random: Random) -> bytes:
    return json.dumps(random.choice(_RESOURCES)).encode() + b"\n"


def _flip(content: bytearray, random: Random) -> None:
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _cut(content: bytearray, random: Random) -> None:
    del content[random.randrange(len(content)) :]


def _take_out(content: bytearray, random: Random) -> None:
    start = random.randrange(len(content))
    del content[start : start + random.randint(1, 8)]


def _put_in(content: bytearray, random: Random) -> None:
    place = random.randrange(len(content))
    content[place:place] = random.choice((b"\xff" * 10, b"\x00", b'{"', b"[[[", random.randbytes(5)))


def _repeat(content: bytearray, random: Random) -> None:
    start = random.randrange(len(content))
    content += content[start : start + random.randint(1, 200)]


_MUTATIONS: Sequence[Callable[[bytearray, Random], None]] = (_flip, _cut, _take_out, _put_in, _repeat)


def _mutated(content: bytes, random: Random) -> bytes:
    """Return bytes with one to four things changed."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 4)):
        if changed:
            random.choice(_MUTATIONS)(changed, random)
    return bytes(changed)
