"""Shows that an import that is only tried locks nothing, is not waited for, and leaves nothing.

That it answers as the import itself does is shown by `hospital.py`, for every import of these tests.
"""

from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.revision import Token
from fhirexport_server.store.database import Database
from fhirexport_server.store.importing.writing import Writing
from imports.hospital import EJ, Hospital, counts, delete


def _change(writing: Writing, patient: int) -> None:
    """Insert, update and delete rows."""
    (row,) = writing.look.patients(EJ, [patient]).values()
    writing.update("patient", ["id", "birth_family"], [(patient, "OTHER")])
    writing.insert("patient", ["ej_id", *row._fields], [(EJ, *row._replace(id=patient + 10**9))])
    writing.clear("patient_identifier", "patient_id", [patient])


async def test_others_write_while_an_import_is_tried(hospital: Hospital) -> None:
    patient = int(hospital.first("Patient")["id"].removeprefix("pat-"))
    before = await hospital.exports()
    with Database.open(hospital.url, imports=2) as database, database.trying() as trial:
        _change(trial, patient)
        # The rows that the trial is about, and a revision, on which everybody else waits.
        with database.importing() as writing:
            _change(writing, patient)
        assert await hospital.exports() != before
        assert len(trial.look.patients(EJ, [patient, patient + 10**9])) == 2


async def test_an_import_is_tried_while_another_writes(hospital: Hospital) -> None:
    patient = hospital.plain_patients()[0] | {"birthDate": "1950-02-03"}
    number = int(patient["id"].removeprefix("pat-"))
    with Database.open(hospital.url) as database, database.importing() as writing:
        revision = database.revision(EJ, Dataset.PATIENTS)
        assert revision is not None
        writing.require(Token(EJ, Dataset.PATIENTS, revision))
        _change(writing, number)

        assert counts(await hospital.stream(patient, validate_only=True)) == (0, 1, 0, 0)


async def test_nothing_of_a_trial_is_there_afterwards(hospital: Hospital) -> None:
    before = await hospital.exports()
    patient = int(hospital.first("Patient")["id"].removeprefix("pat-"))
    with Database.open(hospital.url, imports=1) as database:
        for _ in range(2):  # on the same connection
            with database.trying() as trial:
                rows = trial.look.patients(EJ, [patient, patient + 10**9])
                assert [row.birth_family for row in rows.values()] != ["OTHER"]
                _change(trial, patient)
                assert len(trial.look.patients(EJ, [patient, patient + 10**9])) == 2
                assert trial.look.patient_identifiers(EJ, [patient]) == {}
    assert await hospital.exports() == before


async def test_what_others_name_is_not_deleted(hospital: Hospital) -> None:
    venue = hospital.first("Encounter", "ven-")
    patient = venue["subject"]["reference"]
    summary = await hospital.send("batch", delete(patient))
    assert (summary.deleted, summary.errors) == (0, 1)
    venues = [one for one in hospital.resources.values() if one.get("subject") == {"reference": patient}]
    urls = [patient, *(f"Encounter/{one['id']}" for one in venues if "partOf" not in one)]
    summary = await hospital.send("transaction", *map(delete, urls))
    assert (summary.deleted, summary.errors) == (len(urls), 0)
