"""What a venue's active movements amount to: every row of the event table, and sequences that cancel."""

import pytest
from fhir.telling import Told, told

# Each: the event, the movements that are active after it, what the venue then is.
EVENTS: dict[str, tuple[list[str], Told]] = {
    "A05: pre-admission": (["08:00 A05"], Told("planned")),
    "A38: pre-admission cancelled": ([], Told("cancelled")),
    "A14: pending admission": (["08:00 A14"], Told("planned")),
    "A27: pending admission cancelled": ([], Told("cancelled")),
    "A27: and a pre-admission is alive": (["08:00 A05"], Told("planned")),
    "A01: admission": (
        ["08:00 A01 bed"],
        Told("in-progress", "08:00-", places="bed 08:00-"),
    ),
    "A04: outpatient or emergency arrival": (
        ["08:00 A04 room class:E"],
        Told("in-progress", "08:00-", class_code="EMER", places="room 08:00-"),
    ),
    "A01: after a pre-admission": (
        ["08:00 A05 bed2", "18:00 A01 bed"],
        Told("in-progress", "18:00-", statuses="planned 08:00-18:00", places="bed 18:00-"),
    ),
    "A11: admission cancelled": ([], Told("cancelled")),
    "A11: and a pre-admission is alive": (["08:00 A05 bed"], Told("planned", expected="bed")),
    "A02: transfer": (
        ["08:00 A01 bed", "11:30 A02 bed2 nature:H"],
        Told("in-progress", "08:00-", places="bed 08:00-11:30, bed2 11:30-"),
    ),
    "A02: of the medical responsibility only": (
        ["08:00 A01 bed", "11:30 A02 bed2 nature:M"],
        Told("in-progress", "08:00-", places="bed 08:00-"),
    ),
    "A02: from bed to bed": (
        ["08:00 A01 bed", "11:30 A02 bed2 nature:L"],
        Told("in-progress", "08:00-", places="bed 08:00-11:30, bed2 11:30-"),
    ),
    "A02: into a place that nobody names": (
        ["08:00 A01 bed", "11:30 A02 nature:H"],
        Told("in-progress", "08:00-", places="bed 08:00-11:30"),
    ),
    "A12: transfer cancelled": (
        ["08:00 A01 bed", "15:00 A03"],
        Told("finished", "08:00-15:00", statuses="in-progress 08:00-15:00", places="bed 08:00-15:00"),
    ),
    "A15: pending transfer": (
        ["08:00 A01 bed", "09:00 A15 bed2"],
        Told("in-progress", "08:00-", places="bed 08:00-", expected="bed2"),
    ),
    "A15: that has come about": (
        ["08:00 A01 bed", "09:00 A15 bed2", "10:00 A02 bed2 nature:H"],
        Told("in-progress", "08:00-", places="bed 08:00-10:00, bed2 10:00-"),
    ),
    "A15: and only the responsibility has changed since": (
        ["08:00 A01 bed", "09:00 A15 bed2", "10:00 A02 nature:M"],
        Told("in-progress", "08:00-", places="bed 08:00-", expected="bed2"),
    ),
    "A26: pending transfer cancelled": (
        ["08:00 A01 bed"],
        Told("in-progress", "08:00-", places="bed 08:00-"),
    ),
    "A16: pending discharge": (
        ["08:00 A01 bed", "09:00 A16 bed"],
        Told("in-progress", "08:00-", places="bed 08:00-"),
    ),
    "A25: pending discharge cancelled": (
        ["08:00 A01 bed"],
        Told("in-progress", "08:00-", places="bed 08:00-"),
    ),
    "A54: another attending doctor": (
        ["08:00 A01 bed", "09:00 A54 bed2 doctor:X"],
        Told("in-progress", "08:00-", places="bed 08:00-"),
    ),
    "A54: of a pre-admission": (["08:00 A05", "09:00 A54 doctor:X"], Told("planned")),
    "A06: outpatient becomes inpatient": (
        ["08:00 A04 room class:E", "10:00 A06 bed class:I"],
        Told("in-progress", "08:00-", classes="EMER 08:00-10:00", places="room 08:00-10:00, bed 10:00-"),
    ),
    "A07: inpatient becomes outpatient": (
        ["08:00 A01 bed class:I", "10:00 A07 room class:O"],
        Told(
            "in-progress",
            "08:00-",
            class_code="AMB",
            classes="IMP 08:00-10:00",
            places="bed 08:00-10:00, room 10:00-",
        ),
    ),
    "A07: A06 cancelled": (
        ["08:00 A04 room class:E"],
        Told("in-progress", "08:00-", class_code="EMER", places="room 08:00-"),
    ),
    "A06, then A03: both classes are over": (
        ["08:00 A04 class:E", "10:00 A06 class:I", "12:00 A03"],
        Told(
            "finished",
            "08:00-12:00",
            statuses="in-progress 08:00-12:00",
            classes="EMER 08:00-10:00, IMP 10:00-12:00",
        ),
    ),
    "A21: leave": (
        ["08:00 A01 bed", "10:00 A21"],
        Told("onleave", "08:00-", statuses="in-progress 08:00-10:00", places="bed 08:00-10:00"),
    ),
    "A21: leave, the bed is kept": (
        ["08:00 A01 bed", "10:00 A21 bed"],
        Told(
            "onleave",
            "08:00-",
            statuses="in-progress 08:00-10:00",
            places="bed 08:00-10:00",
            reserved="bed 10:00-",
        ),
    ),
    "A52: leave cancelled": (
        ["08:00 A01 bed"],
        Told("in-progress", "08:00-", places="bed 08:00-"),
    ),
    "A22: return": (
        ["08:00 A01 bed", "10:00 A21 bed", "12:00 A22"],
        Told(
            "in-progress",
            "08:00-",
            statuses="in-progress 08:00-10:00, onleave 10:00-12:00",
            places="bed 08:00-10:00, bed 12:00-",
        ),
    ),
    "A22: return to another bed": (
        ["08:00 A01 bed", "10:00 A21", "12:00 A22 bed2"],
        Told(
            "in-progress",
            "08:00-",
            statuses="in-progress 08:00-10:00, onleave 10:00-12:00",
            places="bed 08:00-10:00, bed2 12:00-",
        ),
    ),
    "A53: return cancelled": (
        ["08:00 A01 bed", "10:00 A21"],
        Told("onleave", "08:00-", statuses="in-progress 08:00-10:00", places="bed 08:00-10:00"),
    ),
    "A03: discharge": (
        ["08:00 A01 bed", "15:00 A03"],
        Told("finished", "08:00-15:00", statuses="in-progress 08:00-15:00", places="bed 08:00-15:00"),
    ),
    "A13: discharge cancelled": (
        ["08:00 A01 bed"],
        Told("in-progress", "08:00-", places="bed 08:00-"),
    ),
    "A13: discharge cancelled, the patient was on leave": (
        ["08:00 A01 bed", "10:00 A21"],
        Told("onleave", "08:00-", statuses="in-progress 08:00-10:00", places="bed 08:00-10:00"),
    ),
    "Z99: a class corrected": (
        ["08:00 A01 bed class:O", "15:00 A03"],
        Told(
            "finished",
            "08:00-15:00",
            statuses="in-progress 08:00-15:00",
            class_code="AMB",
            places="bed 08:00-15:00",
        ),
    ),
    "Z99: a time corrected": (
        ["08:30 A01 bed", "15:00 A03"],
        Told("finished", "08:30-15:00", statuses="in-progress 08:30-15:00", places="bed 08:30-15:00"),
    ),
}


@pytest.mark.parametrize(("lines", "expected"), EVENTS.values(), ids=EVENTS.keys())
def test_the_venue_after_each_event(lines: list[str], expected: Told) -> None:
    assert told(*lines) == expected
