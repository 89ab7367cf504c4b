"""Registers: each writer's own rows in every export, and the transactions that change them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import NamedTuple

from verification.prove.history import ANCHOR, Stamp
from verification.prove.stamps import EJ_IDS, mark

MOVER = "mover"
CROWD = "crowd"
"""A register of many rows, which are written by one statement."""
CROWDED = 21
"""How many patients, and venues, a crowd has."""
CROWDED_MOVEMENTS = {1: 3, 2: 50, 3: 1}
"""How many movements each venue of a crowd has, by EJ. Of the most, the log names a range, not the ids."""
CROWDED_ACTIVE = 25
"""How many of them are active at most: exports of more would be too large for one message."""
IN_BULK = 0.15
ELSEWHERE = 0.04
"""How likely a transaction is to write to a crowd, and to change the EJ's time zone."""
_STARTED = datetime(2026, 1, 10, 17, tzinfo=UTC)
_NEVER = 999_999
"""The number of the transaction that a savepoint undoes: no export may show it."""


class Statement(NamedTuple):
    """An INSERT without `key`, a DELETE without `values`, or else an UPDATE."""

    table: str
    key: Mapping[str, object]
    values: Mapping[str, object]
    row: Mapping[str, object] = {}
    """The whole row after an UPDATE of one, where SQLite's REPLACE does the same."""
    replaces: bool = False
    """Whether it deletes what is in its way, as SQLite's OR REPLACE does."""


class _Register(NamedTuple):
    """A column of a row of ours, or of several."""

    table: str
    column: str
    key: Mapping[str, object]
    others: Mapping[str, object]
    """What the row has beside, when it is inserted."""
    comes_and_goes: bool = False
    is_leaf: bool = False
    """Whether no other row refers to it, so that it may be replaced."""
    choices: Mapping[str, Sequence[object]] = {}
    """Other columns that change with it, and what they may hold."""
    rows: Sequence[tuple[str, Mapping[str, object]]] = ()
    """The rows to insert first, where they are many, each with its table; those of the register's have its
    key."""
    odds: float = 0.5
    """How likely a transaction is to write it."""


@dataclass(frozen=True)
class Change:
    """What one transaction does, and what it changes by export and register."""

    statements: Sequence[Statement]
    changes: dict[str, dict[str, bool]]
    undone: Sequence[Statement] = ()
    """What it does after a savepoint, and takes back."""
    ways: set[str] = field(default_factory=set)


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
        self._movers_at = dict.fromkeys(("structure", "patients", "venues"), EJ_IDS[0])

    def first(self, seq: int) -> Change:
        """Inserts every row."""
        statements = []
        changes: dict[str, dict[str, bool]] = defaultdict(dict)
        for export, registers in self._registers.items():
            for name, register in registers.items():
                statements += self._inserts(export, name, register, seq)
                changes[export][name] = True
        for dataset, ej_id in self._movers_at.items():
            export = f"{ej_id}/{dataset}"
            mover = _mover(self._writer, dataset, ej_id)
            statements += self._inserts(export, MOVER, mover, seq)
            changes[export][MOVER] = True
        return Change(statements, dict(changes))

    def next(self, export: str, seq: int) -> Change:
        """Draws a transaction, which stamps the export's anchor and perhaps other registers."""
        change = Change([], {export: {}})
        statements = []
        for name, register in self._registers[export].items():
            if name == ANCHOR or self._random.random() < register.odds:
                changed, present = self._change(export, name, register, seq)
                statements += changed
                change.changes[export][name] = present
                if name == CROWD:
                    change.ways.add("in bulk")
        if self._random.random() < 0.3:
            self._move(export, seq, statements, change)
        if self._random.random() < ELSEWHERE:
            zone = self._random.choice(("Europe/Paris", "Indian/Reunion", "America/Cayenne"))
            statements.append(Statement("ej", {"id": int(export.partition("/")[0])}, {"time_zone": zone}))
            change.ways.add("another time zone")
        self._random.shuffle(statements)
        undone: list[Statement] = []
        if self._random.random() < 0.15:
            undone, _ = self._change(export, ANCHOR, self._registers[export][ANCHOR], _NEVER)
            change.ways.add("a savepoint rolled back")
        return Change(statements, change.changes, undone, change.ways)

    def committed(self, change: Change) -> None:
        """Takes note of what is there after a transaction."""
        for export, registers in change.changes.items():
            for name, present in registers.items():
                if present:
                    self._there.add((export, name))
                else:
                    self._there.discard((export, name))
                if present and name == MOVER:
                    ej_id, _, dataset = export.partition("/")
                    self._movers_at[dataset] = int(ej_id)

    def _change(self, export: str, name: str, register: _Register, seq: int) -> tuple[list[Statement], bool]:
        if (export, name) not in self._there:
            return self._inserts(export, name, register, seq), True
        if register.comes_and_goes and self._random.random() < 0.5:
            return [Statement(register.table, register.key, {})], False
        return [self._update(export, name, register, seq)], True

    def _update(self, export: str, name: str, register: _Register, seq: int) -> Statement:
        values = {column: self._random.choice(held) for column, held in register.choices.items()}
        values[register.column] = self._text(export, name, seq)
        row = {**register.key, **register.others, **values} if register.is_leaf else {}
        return Statement(register.table, register.key, values, row)

    def _move(self, export: str, seq: int, statements: list[Statement], change: Change) -> None:
        """Takes a row from the EJ where it is to the one that is written; stamps both."""
        there, _, dataset = export.partition("/")
        here = self._movers_at[dataset]
        mover = _mover(self._writer, dataset, int(there))
        moved = self._update(export, MOVER, mover, seq)
        if here != int(there):
            moved = moved._replace(values={**moved.values, **mover.others})
            left = f"{here}/{dataset}"
            anchor, _ = self._change(left, ANCHOR, self._registers[left][ANCHOR], seq)
            statements += anchor
            change.changes[left] = {MOVER: False, ANCHOR: True}
            change.ways.add(f"a move of {dataset} to another EJ")
        statements.append(moved)
        change.changes[export][MOVER] = True

    def _inserts(self, export: str, name: str, register: _Register, seq: int) -> list[Statement]:
        first = {column: held[0] for column, held in register.choices.items()}
        rows = register.rows or ((register.table, {**register.others, **first}),)
        own = {**register.key, register.column: self._text(export, name, seq)}
        return [
            Statement(table, {}, {**row, **own} if table == register.table else row) for table, row in rows
        ]

    def _text(self, export: str, register: str, seq: int) -> str:
        return mark(Stamp(self._writer, export, register, seq))


def _mover(writer: int, dataset: str, ej_id: int) -> _Register:
    """Returns the register that moves from EJ to EJ, as it is in one of them."""
    key, ej = {"id": _first_id(writer, 0)}, {"ej_id": ej_id}
    code, named = f"PROVE-{writer}-M", {"patient_id": _first_id(writer, ej_id) + 1, "patient_class": "I"}
    match dataset:
        case "structure":
            place = {**ej, "kind": "BUILDING", "code": code}
            return _Register("place", "name", key, place, is_leaf=True)
        case "patients":
            return _Register("patient", "email", key, ej, is_leaf=True)
        case _:
            return _Register("venue", "nda", key, {**ej, **named, "venue_no": code}, is_leaf=True)


def _first_id(writer: int, ej_id: int) -> int:
    return 1_000_000 * (writer + 1) + 10_000 * ej_id


def _registers(writer: int, ej_id: int) -> dict[str, dict[str, _Register]]:
    """Returns the registers of an EJ by dataset, parents before children."""
    first, code = _first_id(writer, ej_id), f"PROVE-{writer}"
    ej = {"ej_id": ej_id}
    one, two, three, four = ({"id": first + number} for number in (1, 2, 3, 4))
    of_patient = {**ej, "patient_id": first + 1, "seq": 1}
    stay = {**ej, "patient_id": first + 1, "patient_class": "I"}
    named = {"kind": "IPP", "use_code": "usual", "system": "https://prove.example/ipp"}
    arrival = {"started_at": _STARTED, "trigger_event": "A01"}
    building = {**ej, "kind": "BUILDING"}
    # Ids of which any may be taken: an update then changes the id, and REPLACE meets the row by its number.
    ids = {"id": (first + 2, first + 12)}
    stays = {"id": (first + 1, first + 11), "venue_id": (first + 1, first + 4)}
    return {
        "structure": {
            ANCHOR: _Register("org_unit", "name", one, {**ej, "kind": "CR", "code": code}, is_leaf=True),
            "place": _Register(
                "place", "description", one, {**building, "code": f"{code}-1", "name": "A"}, is_leaf=True
            ),
            "annex": _Register("place", "name", two, {**building, "code": f"{code}-2"}, comes_and_goes=True),
        },
        "patients": {
            ANCHOR: _Register("patient", "email", one, ej),
            "other": _Register("patient", "email", two, ej, is_leaf=True),
            "number": _Register("patient_identifier", "value", of_patient, named, is_leaf=True),
            "contact": _Register("patient_contact", "family", of_patient, {}, comes_and_goes=True),
            CROWD: _crowd_of_patients(writer, ej_id),
        },
        "venues": {
            ANCHOR: _Register("venue", "nda", one, {**stay, "venue_no": f"{code}-1"}),
            "other": _Register(
                "venue", "nda", {**ej, "venue_no": f"{code}-2"}, stay, choices=ids, is_leaf=True
            ),
            "lobby": _Register("venue", "nda", four, {**stay, "venue_no": f"{code}-4"}),
            "doctor": _Register(
                *("movement", "attending_name", {**ej, "movement_no": f"{code}-1"}, arrival),
                choices=stays,
                is_leaf=True,
            ),
            "brief": _Register("venue", "nda", three, {**stay, "venue_no": f"{code}-3"}, comes_and_goes=True),
            CROWD: _crowd_of_venues(writer, ej_id),
        },
    }


def _crowd_of_patients(writer: int, ej_id: int) -> _Register:
    key = {"ej_id": ej_id, "birth_family": f"FOULE-{'ABC'[writer]}"}
    rows = [("patient", {"id": id_, "first_given": "A"}) for id_ in _crowded(writer, ej_id)]
    return _Register("patient", "email", key, {}, rows=rows, odds=IN_BULK)


def _crowd_of_venues(writer: int, ej_id: int) -> _Register:
    """Returns the register of all movements of the crowd's venues."""
    first = _first_id(writer, ej_id)
    stay = {"ej_id": ej_id, "patient_id": first + 1, "patient_class": "I"}
    rows: list[tuple[str, Mapping[str, object]]] = []
    ids = count(first + 1000)
    for venue_id in _crowded(writer, ej_id):
        rows.append(("venue", {**stay, "id": venue_id, "venue_no": f"PROVE-{writer}-C{venue_id}"}))
        for number in range(CROWDED_MOVEMENTS[ej_id]):
            arrival = {
                "id": next(ids),
                "venue_id": venue_id,
                "movement_no": f"PROVE-{writer}-C{venue_id}-{number}",
                "started_at": _STARTED + timedelta(hours=number),
                "trigger_event": "A02" if number else "A01",
                "state": "active" if number < CROWDED_ACTIVE else "cancelled",
            }
            rows.append(("movement", arrival))
    key = {"ej_id": ej_id, "attending_rpps": f"1000000000{writer}"}
    return _Register("movement", "attending_name", key, {}, rows=rows, odds=IN_BULK)


def _crowded(writer: int, ej_id: int) -> range:
    first = _first_id(writer, ej_id) + 100
    return range(first, first + 7 * CROWDED, 7)
