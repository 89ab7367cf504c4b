"""Shows that what is over a bound of imports is refused, with the bound, and the rest is written."""

import json
from random import Random

import pytest
from fhirexport_server.domain.errors import InvalidRequestError
from fhirexport_server.imports import limits
from fhirexport_server.store.importing.writing import Writing
from imports.hospital import Hospital, counts, delete
from support.importing import import_lines
from verification.growth.shapes import LINES, Sent, Templates

pytestmark = pytest.mark.content


async def _refused(hospital: Hospital, content: bytes) -> str:
    before = await hospital.exports()
    with pytest.raises(InvalidRequestError) as refused:
        await import_lines(hospital.url, content, ej_id=1)
    assert await hospital.exports() == before
    (violation,) = refused.value.violations
    assert violation.field == "chunk"
    return violation.description


def _lines(hospital: Hospital, shape: str, size: int) -> bytes:
    sent = Sent(Templates.of(hospital.resources.values()), size, Random(1))
    return b"\n".join(LINES[shape](sent))


async def test_lines_that_are_no_resources_are_refused_as_soon_as_they_are_too_many(
    hospital: Hospital,
) -> None:
    text = await _refused(hospital, b"{}\n" * (limits.MOST_STRUCTURE + 1))
    assert f"more than {limits.MOST_STRUCTURE} lines" in text


async def test_a_structure_that_is_too_long_is_refused(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _lines(hospital, "structure", 20)
    monkeypatch.setattr(limits, "MOST_STRUCTURE_BYTES", len(content) // 2)
    assert "67108864 bytes" in await _refused(hospital, content)


async def test_lines_that_are_too_long_are_refused_one_by_one_and_then_all(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LONGEST_LINE", 64 * 1024)
    long = b"x" * (limits.LONGEST_LINE + 1)
    patient = hospital.first("Patient")
    summary = await import_lines(
        hospital.url, b"\n".join([long, json.dumps(patient).encode(), long]), ej_id=1
    )
    assert (counts(summary), [one.entry for one in summary.problems]) == ((0, 0, 1, 0), [0, 2])
    text = await _refused(hospital, (long + b"\n") * (limits.MOST_OVERLONG + 1))
    assert f"more than {limits.MOST_OVERLONG} lines" in text


@pytest.mark.parametrize("bound", ["MOST_MOVEMENTS", "MOST_STAY_BYTES"])
@pytest.mark.parametrize("order", ["grouped", "reversed"])
async def test_a_stay_that_is_too_long_is_refused_line_by_line(
    bound: str, order: str, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = _lines(hospital, "stay", 20).split(b"\n")
    other = json.dumps(hospital.first("Encounter", "ven-")).encode()
    monkeypatch.setattr(limits, bound, 19 if bound == "MOST_MOVEMENTS" else len(b"".join(lines)) - 1)
    before = await hospital.exports()
    sent = [other, *lines] if order == "grouped" else [*reversed(lines), other]

    summary = await import_lines(hospital.url, b"\n".join(sent), ej_id=1)

    assert (counts(summary), summary.errors) == ((0, 0, 1, 0), 21)
    assert {one.text for one in summary.problems} == {limits.LONG_STAY}
    assert await hospital.exports() == before


async def test_a_stay_does_not_grow_beyond_the_bound(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    movement = hospital.first("Encounter", "mvt-")
    also = hospital.like(movement, "ALSO", "mvt-987654321")
    monkeypatch.setattr(limits, "MOST_MOVEMENTS", 0)
    summary = await hospital.stream(also)
    assert (counts(summary), [one.text for one in summary.problems]) == ((0, 0, 0, 0), [limits.LONG_STAY])


async def test_only_so_many_movements_wait_for_their_venues(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_WAITING", 3)
    summary = await import_lines(hospital.url, _lines(hospital, "waiting", 5), ej_id=1)
    texts = [one.text for one in summary.problems]
    assert (summary.errors, texts.count(limits.WAITING)) == (5, 2)


async def test_only_so_many_patients_are_merged(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_MERGES", 3)
    assert "50000 patients" in await _refused(hospital, _lines(hospital, "merged", 4))


async def test_movements_that_name_their_venue_by_number_come_after_it(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever they are, and however many: none of them waits."""
    monkeypatch.setattr(limits, "MOST_WAITING", 0)
    venue, *movements = map(json.loads, _lines(hospital, "stay", 2).split(b"\n"))
    numbered = {"identifier": venue["identifier"][0]}
    others = json.loads(_lines(hospital, "stay", 0))
    sent = [*({**one, "partOf": numbered} for one in movements), hospital.like(others, "Y", "y"), venue]
    summary = await hospital.stream(*sent)
    assert (summary.created, summary.errors) == (4, 0), summary.problems


async def test_a_bundle_has_only_so_many_entries(hospital: Hospital) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        await hospital.send("batch", *(delete(f"Patient/pat-{number}") for number in range(50_001)))
    (violation,) = refused.value.violations
    assert (violation.field, "at most 50000 entries" in violation.description) == ("Bundle.entry", True)


async def test_a_bundle_of_too_many_values_is_refused_before_it_is_read(hospital: Hospital) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        await hospital.send("batch", {"request": [{}] * 1_000_000})
    (violation,) = refused.value.violations
    assert "at most 1000000 commas and brackets" in violation.description


async def test_a_chain_is_deleted_in_two_turns_whatever_its_order(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in as many as it is long: a Bundle of 50,000 deletions would take a billion statements."""
    size = 30
    chain = list(map(json.loads, _lines(hospital, "merged", size).split(b"\n")))
    chain[-1].pop("link")
    assert counts(await hospital.stream(*chain)) == (size, 0, 0, 0)
    tries = 0
    delete_row = Writing.delete

    def counted(writing: Writing, table: str, ej_id: int, number: int) -> bool | None:
        nonlocal tries
        tries += 1
        return delete_row(writing, table, ej_id, number)

    monkeypatch.setattr(Writing, "delete", counted)
    system = chain[0]["identifier"][0]["system"]
    numbers = [one["identifier"][0]["value"] for one in reversed(chain)]
    urls = [f"Patient?identifier={system}|{number}" for number in numbers]
    summary = await hospital.send("transaction", *map(delete, urls))
    assert (summary.deleted, summary.errors) == (size, 0)
    assert tries < 2 * size
