"""Imports of hostile shapes, of any size: what would fill the memory of whoever believes what is sent."""

import json
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final, NamedTuple

Resource = dict[str, Any]
CHUNK: Final = 1 << 20
SHORT: Final = 64
"""How many lines a long line counts as."""


class Templates(NamedTuple):
    """Resources that are what they should be."""

    organization: Resource
    patient: Resource
    venue: Resource
    movement: Resource

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> "Templates":
        """Choose some of an export."""
        by_id = {one["id"]: one for one in resources}

        def first(prefix: str) -> Resource:
            return deepcopy(next(one for id_, one in by_id.items() if id_.startswith(f"{prefix}-")))

        movement = first("mvt")
        venue = deepcopy(by_id[movement["partOf"]["reference"].rpartition("/")[2]])
        patient = deepcopy(by_id[venue["subject"]["reference"].rpartition("/")[2]])
        # A number in one system of its own; other numbers have rules.
        patient["identifier"] = [one for one in patient["identifier"] if one["use"] == "usual"]
        return cls(first("service"), patient, venue, movement)


class Sent(NamedTuple):
    """What one import is made of."""

    templates: Templates
    size: int
    """About how many lines."""
    random: Random

    def like(self, template: Resource, number: int, prefix: str) -> Resource:
        """Return a copy of a resource that is another one."""
        made = deepcopy(template) | {"id": f"{prefix}-{number}"}
        for identifier in (*made["identifier"], *(one["identifier"] for one in made.get("account", ()))):
            identifier["value"] = f"X{number}"
        return made

    def first(self) -> int:
        """Return a number that nothing has yet."""
        return self.random.randrange(10**6, 10**12)


def _nothing(sent: Sent) -> Iterator[bytes]:
    yield from (b"{}" for _ in range(sent.size))


def _blank(sent: Sent) -> Iterator[bytes]:
    yield from (b"" for _ in range(10 * sent.size))


def _broken(sent: Sent) -> Iterator[bytes]:
    yield from (b'{"resourceType": "Patient", "id": "x' for _ in range(sent.size))


def _wrong(sent: Sent) -> Iterator[bytes]:
    for _ in range(sent.size):
        yield json.dumps(sent.templates.patient | {"gender": "x", "active": 7, "birthDate": "y"}).encode()


def _structure(sent: Sent) -> Iterator[bytes]:
    first = sent.first()
    for number in range(first, first + sent.size):
        yield json.dumps(sent.like(sent.templates.organization, number, "x")).encode()


def _stay(sent: Sent) -> Iterator[bytes]:
    first = sent.first()
    venue = sent.like(sent.templates.venue, first, "v")
    yield json.dumps(venue).encode()
    for number in range(first, first + sent.size):
        movement = sent.like(sent.templates.movement, number, "m")
        movement["partOf"] = {"reference": f"Encounter/{venue['id']}"}
        yield json.dumps(movement).encode()


def _scattered(sent: Sent) -> Iterator[bytes]:
    first = sent.first()
    for number in range(first, first + sent.size):
        movement = sent.like(sent.templates.movement, number, "m")
        movement["partOf"] = {"reference": f"Encounter/v-{first + (number * 7919) % sent.size}"}
        yield json.dumps(movement).encode()


def _waiting(sent: Sent) -> Iterator[bytes]:
    first = sent.first()
    system = sent.templates.venue["identifier"][0]["system"]
    for number in range(first, first + sent.size):
        movement = sent.like(sent.templates.movement, number, "m")
        movement["partOf"] = {"identifier": {"system": system, "value": f"NONE{number}"}}
        yield json.dumps(movement).encode()


def _long(sent: Sent) -> Iterator[bytes]:
    yield from (b"x" * (2 << 20) for _ in range(sent.size // SHORT))


def _deep(sent: Sent) -> Iterator[bytes]:
    deep = b'{"resourceType": "Patient", "name": ' + b"[" * 400_000
    yield from (deep for _ in range(sent.size // SHORT))


def _wide(sent: Sent) -> Iterator[bytes]:
    wide = b'{"resourceType": "Patient", "id": "%d", "name": [' + b",".join([b"{}"] * 340_000) + b"]}"
    yield from (wide % number for number in range(sent.size // SHORT))


def _identifiers(sent: Sent) -> Iterator[bytes]:
    for number in range(sent.size // SHORT):
        patient = sent.like(sent.templates.patient, sent.first() + number, "p")
        (identifier,) = patient["identifier"]
        patient["identifier"] += [
            {"use": "secondary", "type": identifier["type"], "system": f"urn:x:{number}-{one}", "value": "1"}
            for one in range(2000)
        ]
        yield json.dumps(patient).encode()


def _doubles(sent: Sent) -> Iterator[bytes]:
    line = json.dumps(sent.like(sent.templates.patient, sent.first(), "p")).encode()
    yield from (line for _ in range(sent.size))


def _contradictions(sent: Sent) -> Iterator[bytes]:
    patient = sent.like(sent.templates.patient, sent.first(), "p")
    for number in range(sent.size):
        yield json.dumps(patient | {"birthDate": f"{1900 + number % 100}-01-01"}).encode()


def _systems(sent: Sent) -> Iterator[bytes]:
    first = sent.first()
    for number in range(first, first + sent.size):
        patient = sent.like(sent.templates.patient, number, "p")
        patient["identifier"][0]["system"] = f"urn:system:{number}"
        yield json.dumps(patient).encode()


def _merged(sent: Sent) -> Iterator[bytes]:
    first = sent.first()
    for number in range(first, first + sent.size):
        patient = sent.like(sent.templates.patient, number, "p")
        other = {"reference": f"Patient/p-{number + 1}"}
        yield json.dumps(patient | {"link": [{"other": other, "type": "replaced-by"}]}).encode()


LINES: Final[dict[str, Callable[[Sent], Iterator[bytes]]]] = {
    "nothing": _nothing,
    "blank": _blank,
    "broken": _broken,
    "wrong": _wrong,
    "structure": _structure,
    "stay": _stay,
    "scattered": _scattered,
    "waiting": _waiting,
    "long": _long,
    "deep": _deep,
    "wide": _wide,
    "identifiers": _identifiers,
    "doubles": _doubles,
    "contradictions": _contradictions,
    "systems": _systems,
    "merged": _merged,
}
"""What makes the lines of each shape."""


def chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines in chunks that are cut anywhere."""
    chunk = bytearray()
    for line in lines:
        chunk += line + b"\n"
        while len(chunk) >= CHUNK:
            yield bytes(chunk[:CHUNK])
            del chunk[:CHUNK]
    if chunk:
        yield bytes(chunk)
