"""Shows that numbers with check digits have the right ones."""

import re

from fhirexport_server.demo.dice import Dice
from fhirexport_server.demo.group import batches
from fhirexport_server.demo.people.traits import traits
from fhirexport_server.domain.rows import Batch
from fhirexport_server.fhir.reading.datatypes.check_digits import has_ins_key, has_luhn_digit

# Numbers of the public FINESS register; in a number of Corsica, A counts as 1 and B as 2.
REGISTERED = """
010780054 010000024 010009314 010009702 750712184 750100125 750100208 750100091 2A0000014 2A0000022
2A0023271 2A0000154 2A0002614 2B0000020 2B0000012 2B0003917 2B0004246
""".split()


def passes_luhn(number: str) -> bool:
    doubled = [
        int(digit) * (1 + position % 2)
        for position, digit in enumerate(reversed(number.replace("A", "1").replace("B", "2")))
    ]
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def values(made: list[Batch], table: str, column: str) -> set[str]:
    found = {row[column] for batch in made if batch.table == table for row in batch.rows}
    return {value for value in found if isinstance(value, str)}


def test_registered_numbers_have_luhns_digit() -> None:
    for number in REGISTERED:
        assert passes_luhn(number)
        assert has_luhn_digit(number.replace("A", "1").replace("B", "2"))


def test_a_wrong_digit_fails_luhn() -> None:
    assert not passes_luhn("010780055")
    assert not has_luhn_digit("010780055")


def test_numbers_of_hospitals_and_doctors_have_luhns_digit() -> None:
    made = list(batches(patients=1000))
    finess = (
        values(made, "ej", "finess")
        | values(made, "org_unit", "finess")
        | values(made, "venue", "origin_finess")
        | values(made, "venue", "destination_finess")
    )
    others = (
        values(made, "ej", "siren")
        | values(made, "org_unit", "siret")
        | values(made, "movement", "attending_rpps")
    )
    assert len(finess) > 10
    assert len(others) > 10
    assert [number for number in finess | others if not passes_luhn(number)] == []
    assert {"010780054", "750712184", "2A0000014"} <= finess


def ins_key(number: str) -> str:
    digits = number.replace("2A", "19", 1) if number[5:7] == "2A" else number
    digits = digits.replace("2B", "18", 1) if number[5:7] == "2B" else digits
    return f"{97 - int(digits) % 97:02}"


def test_a_matricule_has_the_key_of_its_13_characters() -> None:
    for number, key in (("2690563220835", "73"), ("2690549588157", "80")):
        assert [key for key in range(100) if has_ins_key(f"{number}{key:02}")] == [int(key)]


def test_in_the_key_of_a_matricule_of_corsica_2a_counts_as_19_and_2b_as_18() -> None:
    for number, alike in (("156042A004321", "1560419004321"), ("156042B033321", "1560418033321")):
        assert has_ins_key(number + ins_key(alike))
        assert has_ins_key(alike + ins_key(alike))


def test_a_matricule_is_written_in_one_way_only() -> None:
    for number in ("2 69 05 63 220 835 73", "156042a00432101", "26905632208357", "", "269056322083573 "):
        assert not has_ins_key(number)


def test_matricules_are_whole_unique_and_agree_with_the_traits() -> None:
    made = list(batches(patients=4000))
    people = {row["id"]: row for batch in made if batch.table == "patient" for row in batch.rows}
    identifiers = [row for batch in made if batch.table == "patient_identifier" for row in batch.rows]
    official = [row for row in identifiers if row["use_code"] == "official"]
    assert len({row["value"] for row in official}) == len(official) > 2000
    for row in official:
        value, person = str(row["value"]), people[row["patient_id"]]
        born = str(person["birth_date"])
        sex = "2" if person["gender"] == "F" else "1"
        assert re.fullmatch(r"[12]\d{4}(\d{2}|2A|2B)\d{8}", value)
        assert value[:5] == sex + born[2:4] + born[5:7]
        assert value[5:10] == person["birth_insee"]
        assert value[10:13] != "000"
        assert value[13:] == ins_key(value[:13])


def test_matricules_stay_unique_after_all_combinations_have_come_once() -> None:
    around = 2 * 12 * 100 * 999
    for number in range(200):
        again = {traits(Dice(1, n), 1, n).matricule for n in range(number, 5 * around, around)}
        assert len(again) == 5
