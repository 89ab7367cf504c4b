"""Stamps: the marks that writers leave in rows, and which exports are written and read."""

import re
from base64 import b64encode
from collections.abc import Iterator
from random import Random

from verification.prove.history import Stamp

EJ_IDS = (1, 2, 3)
WEIGHTS = {"1/structure": 0.2, "1/patients": 3.0, "1/venues": 3.0} | {
    f"{ej_id}/{dataset}": 4.0 for ej_id in EJ_IDS[1:] for dataset in ("structure", "patients", "venues")
}
"""How much each export is written and read. The first is far larger than the others."""

_MARK = re.compile(rb"~(\d)\.(\d+/\w+)\.(\w+)\.(\d+)~")


def mark(stamp: Stamp) -> str:
    """Returns the text that stands for a stamp in a column."""
    return f"~{stamp.writer}.{stamp.export}.{stamp.register}.{stamp.seq}~"


def marks(content: bytes) -> tuple[Stamp, ...]:
    """Returns the stamps in an export, each once, in order."""
    found = {
        Stamp(int(writer), export.decode(), register.decode(), int(seq))
        for writer, export, register, seq in _MARK.findall(content)
    }
    return tuple(sorted(found))


def chosen(random: Random, count: int = 1) -> list[str]:
    """Draws exports by their weights."""
    return random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)


def ballast(random: Random) -> Iterator[dict[str, object]]:
    """Yields places of the first EJ that no compression makes small: its structure then takes chunks."""
    for number in range(1500):
        yield {
            "id": 500_000 + number,
            "ej_id": EJ_IDS[0],
            "kind": "BUILDING",
            "code": f"BALLAST-{number}",
            "name": "B",
            "description": b64encode(random.randbytes(748)).decode(),
        }
