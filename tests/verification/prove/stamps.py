"""Stamps: each writer's own rows in every export, and the statements that change them."""

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from verification.prove.history import ANCHOR, Stamp

EJ_IDS = (1, 2, 3)
WEIGHTS = {"1/structure": 0.2, "1/patients": 3.0, "1/venues": 3.0} | {
    f"{ej_id}/{dataset}": 4.0 for ej_id in EJ_IDS[1:] for dataset in ("structure", "patients", "venues")
}
"""How much each export is written and read. The first is far larger than the others."""

_MARK = re.compile(rb"~(\d)\.(\d+/\w+)\.(\w+)\.(\d+)~")
_MOVER = "mover"


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


class Statement(NamedTuple):
    """An INSERT without `key`, a DELETE without `values`, or else an UPDATE, of one row."""

    table: str
    key: dict[str, int]
    values: dict[str, object]


class _Register(NamedTuple):
    """A column of a row of ours."""

    table: str
    column: str
    key: dict[str, int]
    others: dict[str, object]
    """What the row has beside, when it is inserted."""
    comes_and_goes: bool = False


@dataclass(frozen=True)
class Change:
    """What one transaction does, and what it changes by export and register."""

    statements: Sequence[Statement]
    changes: dict[str, dict[str, bool]]


class Rows:
    """One writer's rows, of which it knows what they hold."""

    def __init__(self, writer: int, random: Random) -> None:
        self._writer = writer
        self._random = random
        self._registers = {
            f"{ej_id}/{dataset}": registers
            for ej_id in EJ_IDS
            for dataset, registers in _registers(writer, ej_id).items()
        }
        self._there: set[tuple[str, str]] = set()
        self._mover_at = EJ_IDS[0]

    def first(self, seq: int) -> Change:
        """Inserts every row."""
        statements = []
        changes: dict[str, dict[str, bool]] = defaultdict(dict)
        for export, registers in self._registers.items():
            for name, register in registers.items():
                statements.append(self._insert(export, name, register, seq))
                changes[export][name] = True
        export = _structure(self._mover_at)
        place = {"ej_id": self._mover_at, "kind": "BUILDING", "code": f"PROVE-{self._writer}-M"}
        values = {**self._mover_key(), **place, "name": self._text(export, _MOVER, seq)}
        statements.append(Statement("place", {}, values))
        changes[export][_MOVER] = True
        return Change(statements, dict(changes))

    def next(self, export: str, seq: int) -> Change:
        """Draws a transaction, which stamps the export's anchor and perhaps other registers."""
        changes: dict[str, dict[str, bool]] = {export: {}}
        statements: list[Statement] = []
        for name, register in self._registers[export].items():
            if name == ANCHOR or self._random.random() < 0.5:
                statement, present = self._change(export, name, register, seq)
                statements.append(statement)
                changes[export][name] = present
        if export.endswith("/structure") and self._random.random() < 0.3:
            self._move(export, seq, statements, changes)
        self._random.shuffle(statements)
        return Change(statements, changes)

    def committed(self, change: Change) -> None:
        """Takes note of what is there after a transaction."""
        for export, registers in change.changes.items():
            for name, present in registers.items():
                if present:
                    self._there.add((export, name))
                else:
                    self._there.discard((export, name))
                if present and name == _MOVER:
                    self._mover_at = int(export.partition("/")[0])

    def _change(self, export: str, name: str, register: _Register, seq: int) -> tuple[Statement, bool]:
        if (export, name) not in self._there:
            return self._insert(export, name, register, seq), True
        if register.comes_and_goes and self._random.random() < 0.5:
            return Statement(register.table, register.key, {}), False
        return Statement(register.table, register.key, {register.column: self._text(export, name, seq)}), True

    def _move(
        self, export: str, seq: int, statements: list[Statement], changes: dict[str, dict[str, bool]]
    ) -> None:
        """Takes a row from the EJ where it is to the one that is written; stamps both."""
        here, there = _structure(self._mover_at), export
        values: dict[str, object] = {"name": self._text(there, _MOVER, seq)}
        if here != there:
            values["ej_id"] = int(there.partition("/")[0])
            anchor, _ = self._change(here, ANCHOR, self._registers[here][ANCHOR], seq)
            statements.append(anchor)
            changes[here] = {_MOVER: False, ANCHOR: True}
        statements.append(Statement("place", self._mover_key(), values))
        changes[there][_MOVER] = True

    def _insert(self, export: str, name: str, register: _Register, seq: int) -> Statement:
        values = {**register.key, **register.others, register.column: self._text(export, name, seq)}
        return Statement(register.table, {}, values)

    def _text(self, export: str, register: str, seq: int) -> str:
        return mark(Stamp(self._writer, export, register, seq))

    def _mover_key(self) -> dict[str, int]:
        return {"id": _first_id(self._writer, 0)}


def _structure(ej_id: int) -> str:
    return f"{ej_id}/structure"


def _first_id(writer: int, ej_id: int) -> int:
    return 1_000_000 * (writer + 1) + 100 * ej_id


def _registers(writer: int, ej_id: int) -> dict[str, dict[str, _Register]]:
    """Returns the registers of an EJ by dataset, parents before children."""
    first, code = _first_id(writer, ej_id), f"PROVE-{writer}"
    ej = {"ej_id": ej_id}
    one, two, three = ({"id": first + number} for number in (1, 2, 3))
    of_patient = {**ej, "patient_id": first + 1, "seq": 1}
    stay = {**ej, "patient_id": first + 1, "patient_class": "I"}
    named = {"kind": "IPP", "use_code": "usual", "system": "https://prove.example/ipp"}
    arrival = {
        **ej,
        "venue_id": first + 1,
        "movement_no": f"{code}-1",
        "started_at": datetime(2026, 1, 10, 17, tzinfo=UTC),
        "trigger_event": "A01",
    }
    building = {**ej, "kind": "BUILDING"}
    return {
        "structure": {
            ANCHOR: _Register("org_unit", "name", one, {**ej, "kind": "CR", "code": code}),
            "place": _Register("place", "description", one, {**building, "code": f"{code}-1", "name": "A"}),
            "annex": _Register("place", "name", two, {**building, "code": f"{code}-2"}, comes_and_goes=True),
        },
        "patients": {
            ANCHOR: _Register("patient", "email", one, {**ej}),
            "other": _Register("patient", "email", two, {**ej}),
            "number": _Register("patient_identifier", "value", of_patient, {**named}),
            "contact": _Register("patient_contact", "family", of_patient, {}, comes_and_goes=True),
        },
        "venues": {
            ANCHOR: _Register("venue", "nda", one, {**stay, "venue_no": f"{code}-1"}),
            "other": _Register("venue", "nda", two, {**stay, "venue_no": f"{code}-2"}),
            "doctor": _Register("movement", "attending_name", one, arrival),
            "brief": _Register("venue", "nda", three, {**stay, "venue_no": f"{code}-3"}, comes_and_goes=True),
        },
    }


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
