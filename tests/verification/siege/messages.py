"""Messages at random for the methods of the API: well-formed with odd values, mutated, and noise."""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

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


def message(method: MethodDescriptor, random: Random) -> bytes:
    """Return a message for a method: one in ten is noise, half of the others are mutated."""
    if random.random() < 1 / 10:
        return random.randbytes(random.choice((0, 1, 2, 10, 100, 1000)))
    made = GetMessageClass(method.input_type)()
    _fill(made, random, _DEPTH)
    content = made.SerializeToString()
    return mutated(content, random) if random.random() < 1 / 2 else content


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
        return mutated(_line(random), random)
    if field.name == "bundle":
        return _bundle(random)
    return random.choice(_VALUES[field.cpp_type])


def _bundle(random: Random) -> str:
    """Return a Bundle, mutated more often than not."""
    kind = random.choice(("transaction", "batch", "collection", "document", ""))
    entries = [{"resource": random.choice(_RESOURCES)} for _ in range(random.randint(0, 3))]
    content = json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()
    if random.random() < 2 / 3:
        content = mutated(content, random)
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


def mutated(content: bytes, random: Random) -> bytes:
    """Return bytes with one to four things changed."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 4)):
        if changed:
            random.choice(_MUTATIONS)(changed, random)
    return bytes(changed)
