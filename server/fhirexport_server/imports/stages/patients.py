"""Owns the stage of the patients: a window of them at a time."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fhirexport_server.domain.codes import INS_KIND
from fhirexport_server.domain.rows import PatientContactRow, PatientIdentifierRow, PatientRow
from fhirexport_server.fhir import ids
from fhirexport_server.fhir.reading.bundles.entries import BundleEntry
from fhirexport_server.fhir.reading.datatypes.references import Ref
from fhirexport_server.fhir.reading.json.problems import Severity
from fhirexport_server.fhir.reading.resources.drafts import DraftOrigin, PatientDraft
from fhirexport_server.fhir.reading.together.directory import Directory, cycles
from fhirexport_server.fhir.reading.together.draft_names import held
from fhirexport_server.fhir.reading.together.draft_rows import row
from fhirexport_server.fhir.rendering import projection
from fhirexport_server.imports import limits
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.resolve import known_names
from fhirexport_server.imports.resolve.identity import Claim, Identities, claimed_ids, decide
from fhirexport_server.imports.resolve.targets import Targets
from fhirexport_server.imports.stages.merging import columns, merged, with_known_days
from fhirexport_server.imports.stages.partial_dates import kept_dates
from fhirexport_server.imports.stages.patient_numbers import (
    LAST_NUMBER,
    NO_NUMBER,
    has_number,
    in_order,
    ipp_systems,
    loses_last_number,
    with_numbers,
)
from fhirexport_server.imports.work import Work, of_kind

_COLUMNS: Final = columns(PatientRow)
_IDENTIFIER_COLUMNS: Final = columns(PatientIdentifierRow)
_CONTACT_COLUMNS: Final = columns(PatientContactRow)
_NOT_THE_EJ: Final = "must be the legal entity that is imported into"
_NO_PATIENT: Final = "a patient of this legal entity that is there or is imported"
_CYCLE: Final = "a patient who was not merged into this one"


class _Merge(NamedTuple):
    """A patient that was merged into another, who may come later."""

    source: DraftOrigin
    patient: int
    into: Ref
    before: int | None
    is_counted: bool
    """Whether the patient counts as created or updated already."""


class _Parts(NamedTuple):
    """What belongs to a patient."""

    identifiers: list[PatientIdentifierRow]
    contacts: list[PatientContactRow]


class Patients:
    """Writes the patients of an import."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._merges: list[_Merge] = []

    def write(self, entries: Sequence[BundleEntry]) -> None:
        """Writes some patients."""
        work = self._work
        entries = known_names.distinct(work, entries, Kind.PATIENT)
        if not work.ipp_systems:
            work.ipp_systems.update(ipp_systems(entries))
        drafts = of_kind(PatientDraft, work.read(entries))
        work.learn_ipp_systems(each for one in drafts for each in one.identifiers)
        known_names.check_numbers(work, Directory(work.kept(drafts)), entries)
        for one in drafts:
            if one.ej is not None and not work.is_ej(one.ej):
                work.refuse(one.source, one.ej.at, _NOT_THE_EJ)
        kept = work.kept(drafts)
        who = self._decide(kept, {entry.place: entry for entry in entries})
        resources = {entry.place: entry.resource for entry in entries}
        for one in kept:
            if one.source.entry in who.new and not has_number(one, resources[one.source.entry]):
                work.refuse(one.source, "identifier", NO_NUMBER)
        told = [one for one in work.kept(kept) if one.source.entry not in who.left]
        self._write(told, who)
        known_names.remember(work, Kind.PATIENT, entries, who.ids, ids.patient_id, repeated=who.repeated)

    def finish(self) -> None:
        """Writes who was merged into whom, now that everybody is there."""
        work = self._work
        changed: dict[int, tuple[_Merge, int]] = {}
        for start in range(0, len(self._merges), limits.WINDOW):
            merges = self._merges[start : start + limits.WINDOW]
            targets = Targets(work, [(one.into, Kind.PATIENT) for one in merges])
            for one in merges:
                into = targets.find(one.into, Kind.PATIENT)
                if into is None:
                    self._refuse(one, _NO_PATIENT)
                elif into != one.before:
                    changed[one.patient] = (one, into)
        after = {patient: into for patient, (_, into) in changed.items()}
        for patient in self._in_cycles(after):
            one, _ = changed.pop(patient)
            self._refuse(one, _CYCLE)
        rows = [(patient, into) for patient, (_, into) in changed.items()]
        work.writing.update(Kind.PATIENT, ("id", "merged_into_id"), rows)
        late = sum(not one.is_counted for one, _ in changed.values())
        work.counts.updated += late
        work.counts.unchanged -= late

    def _refuse(self, merge: _Merge, rule: str) -> None:
        """Says why a patient is not merged: the patient itself may be written already."""
        source = merge.source
        severity, text = Severity.ERROR, f"must name {rule}"
        if not self._work.is_atomic:
            severity, text = Severity.WARNING, f"is not kept: it must name {rule}"
        self._work.problems.tell(severity, source.entry, f"{source.path}.{merge.into.at}", text)

    def _in_cycles(self, after: Mapping[int, int]) -> list[int]:
        """Returns those of some patients that would be merged into themselves, by way of others."""
        look, ej_id = self._work.writing.look, self._work.ej.id
        known = dict(after)
        wave = set(after.values()) - known.keys()
        while wave:
            above = look.merged(ej_id, list(wave))
            known.update(above)
            wave = set(above.values()) - known.keys()
        return [patient for patient in cycles(known) if patient in after]

    def _decide(self, drafts: Sequence[PatientDraft], entries: Mapping[int, BundleEntry]) -> Identities:
        work, look = self._work, self._work.writing.look
        numbers = {
            one.source.entry: [
                (each.system, each.value) for each in one.identifiers if each.use_code != "old"
            ]
            for one in drafts
        }
        searches = {place: entry.search for place, entry in entries.items() if entry.search is not None}
        wanted = {number for of_one in numbers.values() for number in of_one} | set(searches.values())
        by_number = look.patients_by_identifier(work.ej.id, list(wanted))
        own = claimed_ids((one.source for one in drafts), entries)
        owners = look.owners(Kind.PATIENT, own)
        rows = look.patient_identifiers(work.ej.id, [number for number in own if number in owners])
        claims = []
        for one in drafts:
            current = numbers[one.source.entry]
            every = held(one)
            of_row = rows.get(one.source.own.number, ()) if one.source.own is not None else ()
            now = {(each.system, each.value) for each in of_row if each.use_code != "old"}
            claims.append(
                Claim(
                    one.source,
                    entries[one.source.entry],
                    list({by_number[number] for number in current if number in by_number}),
                    numbered=bool(current),
                    row_numbered=bool(now) and now.isdisjoint(every),
                    is_searched=searches.get(one.source.entry) in every,
                )
            )
        found = {place: by_number[search] for place, search in searches.items() if search in by_number}
        return decide(work, Kind.PATIENT, claims, owners, found)

    def _write(self, drafts: Sequence[PatientDraft], who: Identities) -> None:
        work, look = self._work, self._work.writing.look
        known = [who.ids[one.source.entry] for one in drafts if one.source.entry not in who.new]
        rows = look.patients(work.ej.id, known)
        identifiers = look.patient_identifiers(work.ej.id, known)
        contacts = look.patient_contacts(work.ej.id, known)
        created: list[PatientRow] = []
        changed: list[PatientRow] = []
        renewed: dict[int, _Parts] = {}
        for one in drafts:
            number = who.ids[one.source.entry]
            existing = rows.get(number)
            before = None if existing is None or one.merged_into is None else existing.merged_into_id
            wanted = row(PatientRow, one, id=number, merged_into_id=before)
            is_counted = True
            if existing is None:
                created.append(wanted)
                renewed[number] = _Parts(_identifiers(one, number), _contacts(one, number))
            else:
                row_ = self._merged(one, existing, wanted)
                if row_ != existing:
                    changed.append(row_)
                was = _Parts(identifiers.get(number, []), contacts.get(number, []))
                parts = self._renewed(one, existing, was)
                if parts is not None:
                    renewed[number] = parts
                is_counted = row_ != existing or parts is not None
                work.counts.updated += is_counted
                work.counts.unchanged += not is_counted
            if one.merged_into is not None:
                if len(self._merges) == limits.MOST_MERGES:
                    raise limits.merges()
                self._merges.append(_Merge(one.source, number, one.merged_into, before, is_counted))
        work.counts.created += len(created)
        ej_id = work.ej.id
        writing = work.writing
        writing.insert(Kind.PATIENT, ["ej_id", *_COLUMNS], [(ej_id, *one) for one in created])
        writing.update(Kind.PATIENT, _COLUMNS, changed)
        old = [number for number in renewed if number in rows]
        for table, names, parts_of in (
            (
                "patient_identifier",
                _IDENTIFIER_COLUMNS,
                [one for each in renewed.values() for one in each.identifiers],
            ),
            (
                "patient_contact",
                _CONTACT_COLUMNS,
                [one for each in renewed.values() for one in each.contacts],
            ),
        ):
            writing.clear(table, "patient_id", old)
            writing.insert(table, ["ej_id", *names], [(ej_id, *one) for one in parts_of])

    def _merged(self, draft: PatientDraft, existing: PatientRow, wanted: PatientRow) -> PatientRow:
        """Returns what becomes of a row; dates that are known more precisely stay, and that is said."""
        seen = projection.patient(existing)
        wanted, elements = kept_dates(seen, wanted, self._work.ej.time_zone)
        for element in elements:
            self._work.warn(draft.source, element, "is kept as it was: it is the same, known more precisely")
        return merged(existing, seen, wanted)

    def _renewed(self, draft: PatientDraft, existing: PatientRow, was: _Parts) -> _Parts | None:
        """Returns the parts of a patient that replace those that there are; None where they are the same."""
        contacts = _contacts(draft, existing.id)
        seen = projection.identifiers(existing, was.identifiers)
        there = {(one.system, one.value, one.use_code): one for one in seen}
        identifiers = [
            with_known_days(one, there.get((one.system, one.value, one.use_code), one), each.partial)
            for one, each in zip(_identifiers(draft, existing.id), draft.identifiers, strict=True)
        ]
        if loses_last_number(draft, seen):
            self._work.warn(draft.source, "identifier", LAST_NUMBER)
            identifiers = with_numbers(seen, identifiers)
        if "matricule" in draft.unsaid and not any(one.kind in INS_KIND for one in identifiers):
            identifiers = [*(one for one in seen if one.kind in INS_KIND), *identifiers]
        if in_order(seen) == in_order(identifiers) and in_order(was.contacts) == contacts:
            return None
        # The sender cannot know of a matricule that is not shown.
        if not any(one.kind in INS_KIND for one in identifiers):
            identifiers += [one for one in was.identifiers if one not in seen]
        return _Parts(in_order(identifiers), contacts)


def _identifiers(draft: PatientDraft, patient: int) -> list[PatientIdentifierRow]:
    return [row(PatientIdentifierRow, one, patient_id=patient) for one in draft.identifiers]


def _contacts(draft: PatientDraft, patient: int) -> list[PatientContactRow]:
    return [row(PatientContactRow, one, patient_id=patient) for one in draft.contacts]
