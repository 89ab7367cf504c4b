"""What each movement amounts to by itself: its status, its class, and until when it lasts."""

import pytest
from fhir.samples import VENUE, movements
from fhir.telling import told_situations
from fhirexport_server.pam.situations import situations

SITUATIONS: dict[str, tuple[list[str], list[str]]] = {
    "an announcement does not end what it interrupts": (
        ["08:00 A01", "09:00 A15", "10:00 A02"],
        ["finished 08:00-10:00", "planned 09:00-10:00", "in-progress 10:00-"],
    ),
    "a pre-admission lasts until the arrival": (
        ["08:00 A05", "09:00 A54", "10:00 A01"],
        ["planned 08:00-09:00", "planned 09:00-10:00", "in-progress 10:00-"],
    ),
    "the last one is where the patient is": (["08:00 A01"], ["in-progress 08:00-"]),
    "or on leave": (["08:00 A01", "09:00 A21"], ["finished 08:00-09:00", "onleave 09:00-"]),
    "whoever is the doctor": (
        ["08:00 A01", "09:00 A21", "10:00 A54"],
        ["finished 08:00-09:00", "finished 09:00-10:00", "onleave 10:00-"],
    ),
    "a leave is over when the patient is back": (
        ["08:00 A01", "09:00 A21", "10:00 A22"],
        ["finished 08:00-09:00", "finished 09:00-10:00", "in-progress 10:00-"],
    ),
    "a discharge lasts no time": (
        ["08:00 A01", "09:00 A03"],
        ["finished 08:00-09:00", "finished 09:00-09:00"],
    ),
    "what comes after the discharge is finished too": (
        ["08:00 A01", "09:00 A03", "10:00 A02", "11:00 A54", "12:00 A15"],
        [
            "finished 08:00-09:00",
            "finished 09:00-09:00",
            "finished 10:00-11:00",
            "finished 11:00-11:00",
            "planned 12:00-",
        ],
    ),
}


@pytest.mark.parametrize(("lines", "expected"), SITUATIONS.values(), ids=SITUATIONS.keys())
def test_the_situation_of_each_movement(lines: list[str], expected: list[str]) -> None:
    assert told_situations(*lines) == expected


def test_a_movement_has_its_own_class_or_the_one_before() -> None:
    found = situations(
        VENUE, movements("08:00 A04 class:E", "09:00 A15 class:I", "10:00 A02", "11:00 A06 class:I")
    )

    assert [s.class_code for s in found] == ["EMER", "IMP", "EMER", "IMP"]
