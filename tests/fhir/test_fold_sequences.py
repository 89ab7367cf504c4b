"""What a venue amounts to after sequences of movements: cancelled, inserted late, of one instant."""

from fhir.samples import VENUE, movements
from fhir.telling import Told, clock, told, told_situations
from fhirexport_server.pam.fold import fold


def test_a_a_transfer_cancelled_after_the_discharge_stretches_the_one_before() -> None:
    sent = [
        "07:30 A04 uh class:E",
        "09:00 A06 room class:I",
        "11:30 A02 bed nature:H",
        "13:00 A02 bed2 nature:H",
        "15:01 A02 room nature:H",
        "18:00 A03",
    ]

    after_a12 = [line for line in sent if "13:00" not in line]

    assert told_situations(*sent)[2] == "finished 11:30-13:00"
    assert told_situations(*after_a12)[2] == "finished 11:30-15:01"
    assert told(*after_a12).places == "uh 07:30-09:00, room 09:00-11:30, bed 11:30-15:01, room 15:01-18:00"


def test_b_a_transfer_inserted_late_cuts_the_period_that_it_falls_into() -> None:
    known = ["07:30 A01 bed", "15:00 A02 room nature:H"]

    late = [known[0], "11:30 A02 bed2 nature:H", known[1]]

    assert told_situations(*known) == ["finished 07:30-15:00", "in-progress 15:00-"]
    assert told_situations(*late) == [
        "finished 07:30-11:30",
        "finished 11:30-15:00",
        "in-progress 15:00-",
    ]
    assert told(*late).places == "bed 07:30-11:30, bed2 11:30-15:00, room 15:00-"


def test_c_a_return_and_then_a_leave_cancelled_leave_one_continuous_place() -> None:
    sent = ["08:00 A01 bed", "10:00 A21", "12:00 A22", "15:00 A03"]

    after_a53 = [line for line in sent if "A22" not in line]
    after_a52 = [line for line in after_a53 if "A21" not in line]

    assert told(*sent).statuses == ("in-progress 08:00-10:00, onleave 10:00-12:00, in-progress 12:00-15:00")
    assert told(*after_a53).statuses == "in-progress 08:00-10:00, onleave 10:00-15:00"
    assert told(*after_a52) == Told(
        "finished", "08:00-15:00", statuses="in-progress 08:00-15:00", places="bed 08:00-15:00"
    )


def test_d_a_seance_whose_discharge_and_then_arrival_are_cancelled_is_cancelled() -> None:
    sent = ["08:00 A04 room class:R", "12:00 A03"]

    after_a13 = sent[:1]
    after_a11: list[str] = []

    assert told(*sent).status == "finished"
    assert told(*after_a13) == Told("in-progress", "08:00-", class_code="AMB", places="room 08:00-")
    assert told(*after_a11) == Told("cancelled")


def test_what_is_dated_after_the_discharge_does_not_reopen_the_venue() -> None:
    stay = ["08:00 A01 bed", "10:00 A03"]

    assert told(*stay, "11:00 A02 bed2 class:O nature:H", "12:00 A54 doctor:X", "13:00 A15 uh") == told(*stay)


def test_a_discharge_that_another_one_follows_is_superseded() -> None:
    assert told("08:00 A01 bed", "10:00 A03", "11:00 A02 bed2", "12:00 A03") == Told(
        "finished",
        "08:00-12:00",
        statuses="in-progress 08:00-12:00",
        places="bed 08:00-11:00, bed2 11:00-12:00",
    )


def test_a_class_that_changes_within_the_same_fhir_class_leaves_no_history() -> None:
    assert told("08:00 A04 class:O", "10:00 A04 class:R").classes == ""


def test_what_lasted_no_time_leaves_what_is_around_it_in_one_piece() -> None:
    assert told("08:00 A01 bed", "10:00 A21", "10:00 A22", "11:00 A02 bed2", "11:00 A02 bed") == Told(
        "in-progress", "08:00-", places="bed 08:00-"
    )


def test_a_stay_of_no_time_keeps_its_place() -> None:
    assert told("08:00 A04 bed2", "08:00 A02 bed", "08:00 A03") == Told(
        "finished", "08:00-08:00", places="bed 08:00-08:00"
    )


def test_a_stay_whose_arrival_is_missing_starts_with_what_is_there() -> None:
    assert told("08:00 A02 bed nature:M") == Told("in-progress", "08:00-", places="bed 08:00-")
    assert told("08:00 A21 bed") == Told("onleave", "08:00-", reserved="bed 08:00-")
    assert told("08:00 A22 bed") == Told("in-progress", "08:00-", places="bed 08:00-")
    assert told("08:00 A03 bed") == Told("finished", "08:00-08:00", places="bed 08:00-08:00")


def test_a_transfer_of_responsibility_while_on_leave_ends_the_leave_in_the_same_place() -> None:
    assert told("08:00 A01 bed", "10:00 A21", "12:00 A02 nature:M").places == "bed 08:00-10:00, bed 12:00-"


def test_the_class_of_an_announcement_counts_only_before_the_patient_is_there() -> None:
    assert told("08:00 A05 class:O").class_code == "AMB"
    assert told("08:00 A04 class:E", "09:00 A14 class:I") == Told("in-progress", "08:00-", class_code="EMER")


def test_a_pre_admission_dated_after_the_arrival_expects_nothing() -> None:
    assert told("08:00 A01 bed", "09:00 A05 bed2").expected == ""


def test_a_pending_admission_into_the_place_that_is_already_taken_expects_nothing() -> None:
    assert told("08:00 A01 bed", "09:00 A14 bed").expected == ""


def test_the_unit_and_the_doctor_last_known_stay_known() -> None:
    stay = fold(
        VENUE, movements("08:00 A01 uf:6000 doctor:A", "09:00 A02 uf:6001", "10:00 A54 doctor:B", "11:00 A03")
    )

    assert (stay.responsible, stay.attending) == (6001, (None, "B"))


def test_a_change_of_doctor_that_is_cancelled_gives_the_one_before_back() -> None:
    sent = ["08:00 A01 doctor:A", "10:00 A54 doctor:B"]

    after_a55 = sent[:1]

    assert fold(VENUE, movements(*sent)).attending == (None, "B")
    assert fold(VENUE, movements(*after_a55)).attending == (None, "A")


def test_a_planned_venue_has_the_expected_date_and_a_stay_its_own() -> None:
    venue = VENUE._replace(expected_admit_at=1_768_000_000)

    assert fold(venue, ()).start == 1_768_000_000
    assert fold(venue, movements("08:00 A05")).start == 1_768_000_000
    assert clock(fold(venue, movements("08:00 A05", "09:00 A01")).start) == "09:00"
