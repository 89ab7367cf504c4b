"""Scenarios of stays: five movements each, with their delays and effects."""

from typing import NamedTuple


class Step(NamedTuple):
    """One movement.

    `hours` is the least and the longest time since the movement before. `move` says what changes:
      - "stay": nothing; "plan": a future UF; "arrive": the emergency department; "visit": a clinic,
      - "enter": a bed of a ward; "bed": another bed of it; "ward": a bed elsewhere; "critical":
        intensive care; "back": the first ward again; "other": another ward, in this movement only (it
        is pending),
      - "medical": the UF in charge; "attending": the doctor; "leave": an absence, with a date of return.
    `to` is the patient class from here on; None keeps it.
    """

    event: str
    move: str
    hours: tuple[int, int]
    nature: str | None = None
    to: str | None = None
    cancelled: bool = False


class Scenario(NamedTuple):
    """A scenario of five movements. `status` is the status of the venue that follows from them."""

    status: str
    weight: int
    patient_class: str
    steps: tuple[Step, Step, Step, Step, Step]
    disposition: str | None = "3"
    fatal: bool = False


_PLANNED = Step("A05", "plan", (0, 0), "HMS")
_ADMITTED = Step("A01", "enter", (120, 480), "HMS")
_LEAVING = Step("A16", "stay", (20, 60))
_LEFT = Step("A03", "stay", (3, 24))

SCENARIOS = (
    # A planned stay.
    Scenario("finished", 16, "I", (_PLANNED, _ADMITTED, Step("A02", "bed", (10, 40), "L"), _LEAVING, _LEFT)),
    # Through the emergency department.
    Scenario(
        "finished",
        16,
        "E",
        (
            Step("A04", "arrive", (0, 0), "SM"),
            Step("A06", "enter", (2, 9), "HMS", "I"),
            Step("A02", "bed", (8, 60), "LD"),
            Step("A54", "attending", (10, 40)),
            Step("A03", "stay", (12, 90)),
        ),
    ),
    # Intensive care and back; the transfer was announced.
    Scenario(
        "finished",
        6,
        "I",
        (
            Step("A01", "enter", (0, 0), "HMS"),
            Step("A15", "other", (4, 20)),
            Step("A02", "critical", (1, 6), "HMS"),
            Step("A02", "back", (24, 96), "HMS"),
            Step("A03", "stay", (24, 120)),
        ),
    ),
    # A leave of absence.
    Scenario(
        "finished",
        5,
        "I",
        (
            Step("A01", "enter", (0, 0), "HMS"),
            Step("A21", "leave", (48, 120), "S"),
            Step("A22", "stay", (10, 40), "S"),
            Step("A02", "ward", (24, 72), "HMS"),
            Step("A03", "stay", (48, 200)),
        ),
        "6",
    ),
    # Away at present.
    Scenario(
        "onleave",
        2,
        "I",
        (
            _PLANNED,
            _ADMITTED,
            Step("A02", "medical", (20, 60), "M"),
            Step("A54", "attending", (5, 30)),
            Step("A21", "leave", (12, 60)),
        ),
        None,
    ),
    # In a bed at present, after a change of bed and of the UF in charge.
    Scenario(
        "in-progress",
        10,
        "I",
        (
            _PLANNED,
            _ADMITTED,
            Step("A02", "bed", (4, 30), "L"),
            Step("A02", "medical", (10, 60), "M"),
            Step("A54", "attending", (10, 40)),
        ),
        None,
    ),
    # In a bed at present, about to leave for another ward.
    Scenario(
        "in-progress",
        4,
        "I",
        (
            Step("A01", "enter", (0, 0), "HMS"),
            Step("A02", "ward", (20, 60), "MH"),
            Step("A54", "attending", (10, 40)),
            Step("A16", "stay", (20, 60)),
            Step("A15", "other", (1, 10)),
        ),
        None,
    ),
    # To come; put off twice.
    Scenario(
        "planned",
        5,
        "I",
        (
            Step("A05", "plan", (0, 0), "HMS", cancelled=True),
            Step("A05", "plan", (24, 100), "HMS", cancelled=True),
            Step("A14", "plan", (24, 100)),
            Step("A14", "plan", (12, 60), cancelled=True),
            Step("A05", "plan", (12, 60), "HMS"),
        ),
        None,
    ),
    # All of it cancelled.
    Scenario(
        "cancelled",
        3,
        "I",
        (
            Step("A05", "plan", (0, 0), "HMS", cancelled=True),
            Step("A01", "enter", (48, 200), "HMS", cancelled=True),
            Step("A02", "bed", (1, 4), "L", cancelled=True),
            Step("A54", "attending", (1, 3), cancelled=True),
            Step("A03", "stay", (1, 3), cancelled=True),
        ),
        None,
    ),
    # A visit to a clinic.
    Scenario(
        "finished",
        14,
        "O",
        (
            Step("A05", "plan", (0, 0), "SM", cancelled=True),
            Step("A05", "plan", (24, 200), "SM"),
            Step("A04", "visit", (100, 500), "SM"),
            Step("A54", "attending", (0, 1)),
            Step("A03", "stay", (1, 3)),
        ),
    ),
    # A session of a series.
    Scenario(
        "finished",
        8,
        "R",
        (
            _PLANNED,
            Step("A04", "visit", (24, 200), "SM"),
            Step("A54", "attending", (0, 1)),
            Step("A16", "stay", (1, 2)),
            Step("A03", "stay", (1, 3)),
        ),
    ),
    # A day's outpatient kept overnight, then an outpatient again.
    Scenario(
        "finished",
        4,
        "O",
        (
            Step("A04", "visit", (0, 0), "SM"),
            Step("A06", "enter", (2, 8), "HMS", "I"),
            Step("A07", "visit", (14, 40), "HMS", "O"),
            Step("A54", "attending", (0, 2)),
            Step("A03", "stay", (2, 8)),
        ),
    ),
    # Left the emergency department without being seen.
    Scenario(
        "finished",
        3,
        "E",
        (
            Step("A04", "arrive", (0, 0), "SM"),
            Step("A54", "attending", (0, 1)),
            Step("A16", "stay", (0, 1), cancelled=True),
            Step("A16", "stay", (1, 2)),
            Step("A03", "stay", (0, 2)),
        ),
        "PSA",
    ),
    # A discharge that was taken back.
    Scenario(
        "in-progress",
        3,
        "I",
        (
            Step("A01", "enter", (0, 0), "HMS"),
            Step("A02", "bed", (10, 40), "L"),
            Step("A16", "stay", (20, 60)),
            Step("A03", "stay", (3, 24), cancelled=True),
            Step("A54", "attending", (1, 10)),
        ),
        None,
    ),
    # A death in intensive care.
    Scenario(
        "finished",
        2,
        "E",
        (
            Step("A04", "arrive", (0, 0), "SM"),
            Step("A06", "enter", (1, 6), "HMS", "I"),
            Step("A02", "critical", (4, 40), "HMS"),
            Step("A54", "attending", (1, 10)),
            Step("A03", "stay", (10, 100)),
        ),
        None,
        fatal=True,
    ),
    # Followed from a distance.
    Scenario(
        "in-progress",
        2,
        "V",
        (
            Step("A05", "plan", (0, 0), "SM"),
            Step("A04", "visit", (48, 200), "SM"),
            Step("A02", "medical", (100, 200), "M"),
            Step("A54", "attending", (20, 100)),
            Step("A54", "attending", (20, 100)),
        ),
        None,
    ),
)
"""The first patients take one each, in this order; later patients draw from BY_WEIGHT."""
BY_WEIGHT = tuple(scenario for scenario in SCENARIOS for _ in range(scenario.weight))
FINISHED = tuple(scenario for scenario in BY_WEIGHT if scenario.status == "finished" and not scenario.fatal)
"""Scenarios for patients who die after their stay."""
