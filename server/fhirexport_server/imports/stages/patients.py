"""The stage of the patients: one window at a time."""

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
from fhirexport_server.fhir.structure_codes import FINESS_SYSTEM
from fhirexport_server.imports import limits
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.resolve import known_names
from fhirexport_server.imports.resolve.same_rows import Claim, Identities, claimed_ids, decide
from fhirexport_server.imports.resolve.targets import Targets
from fhirexport_server.imports.stages.merging import columns, merged, with_known_days
from fhirexport_server.imports.stages.partial_dates import kept_dates
from fhirexport_server.imports.stages.patient_numbers import (
    LAST_NUMBER,
    NO_NUMBER,
    OTHERS_MATRICULE,
    found_by_matricule,
    has_number,
    in_order,
    ipp_systems,
    is_another,
    loses_last_number,
    with_numbers,
)
from fhirexport_server.imports.work import Work, of_kind

_COLUMNS: Final = columns(PatientRow)
_IDENTIFIER_COLUMNS: Final = columns(PatientIdentifierRow)
_CONTACT_COLUMNS: Final = columns(PatientContactRow)
_NOT_THE_EJ: Final = "must be the legal entity that is imported into"
_NOBODY: Final = (
    "is not kept: it does not name the legal entity that is imported into, which is shown instead"
)
_NO_PATIENT: Final = "a patient of this legal entity that is there or is imported"
_CYCLE: Final = "a patient who was not merged into this one"


class _Merge(NamedTuple):
    """A patient that is merged into another, who may come later in the import."""

    source: DraftOrigin
    patient: int
    into: Ref
    before: int | None
    is_counted: bool
    """Whether the patient already counts as created or updated."""


class _Parts(NamedTuple):
    """The identifiers and contacts of a patient."""

    identifiers: list[PatientIdentifierRow]
    contacts: list[PatientContactRow]


class Patients:
    """The patients of an import."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._merges: list[_Merge] = []

    def write(self, entries: Sequence[BundleEntry]) -> None:
        """Write patients."""
        work = self._work
        entries = known_names.distinct(work, entries, Kind.PATIENT)
        if not work.ipp_systems:
            work.ipp_systems.update(ipp_systems(entries))
        drafts = of_kind(PatientDraft, work.read(entries))
        work.learn_ipp_systems(identifier for draft in drafts for identifier in draft.identifiers)
        known_names.check_numbers(work, Directory(work.kept(drafts)), entries)
        for draft in drafts:
            if draft.ej is None or work.is_ej(draft.ej):
                continue
            if draft.ej.own is None and (draft.ej.identifier or ("",))[0] != FINESS_SYSTEM:
                work.warn(draft.source, draft.ej.at, _NOBODY)
            else:
                work.refuse(draft.source, draft.ej.at, _NOT_THE_EJ)
        kept = work.kept(drafts)
        identities = self._decide(kept, {entry.place: entry for entry in entries})
        resources = {entry.place: entry.resource for entry in entries}
        for draft in kept:
            if draft.source.entry in identities.new and not has_number(draft, resources[draft.source.entry]):
                work.refuse(draft.source, "identifier", NO_NUMBER)
        to_write = [draft for draft in work.kept(kept) if draft.source.entry not in identities.left]
        self._write(to_write, identities)
        known_names.remember(
            work, Kind.PATIENT, entries, identities.ids, ids.patient_id, repeated=identities.repeated
        )

    def finish(self) -> None:
        """Write which patients are merged into which, now that all of them exist."""
        work = self._work
        changed: dict[int, tuple[_Merge, int]] = {}
        for start in range(0, len(self._merges), limits.WINDOW):
            merges = self._merges[start : start + limits.WINDOW]
            targets = Targets(work, [(merge.into, Kind.PATIENT) for merge in merges])
            for merge in merges:
                into = targets.find(merge.into, Kind.PATIENT)
                if into is None:
                    self._refuse(merge, _NO_PATIENT)
                elif into != merge.before:
                    changed[merge.patient] = (merge, into)
        after = {patient: into for patient, (_, into) in changed.items()}
        for patient in self._in_cycles(after):
            merge, _ = changed.pop(patient)
            self._refuse(merge, _CYCLE)
        rows = [(patient, into) for patient, (_, into) in changed.items()]
        work.writing.update(Kind.PATIENT, ("id", "merged_into_id"), rows)
        late_updates = sum(not merge.is_counted for merge, _ in changed.values())
        work.counts.updated += late_updates
        work.counts.unchanged -= late_updates

    def _refuse(self, merge: _Merge, rule: str) -> None:
        """Report why a patient is not merged; the patient itself may be written already."""
        source = merge.source
        severity, text = Severity.ERROR, f"must name {rule}"
        if not self._work.is_atomic:
            severity, text = Severity.WARNING, f"is not kept: it must name {rule}"
        self._work.problems.report(severity, source.entry, f"{source.path}.{merge.into.at}", text)

    def _in_cycles(self, after: Mapping[int, int]) -> list[int]:
        """Return the patients that would be merged into themselves, directly or through others."""
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
            draft.source.entry: [
                (identifier.system, identifier.value)
                for identifier in draft.identifiers
                if identifier.use_code != "old"
            ]
            for draft in drafts
        }
        searches = {place: entry.search for place, entry in entries.items() if entry.search is not None}
        to_find = {number for current in numbers.values() for number in current} | set(searches.values())
        by_number = look.patients_by_identifier(work.ej.id, list(to_find))
        own = claimed_ids((draft.source for draft in drafts), entries)
        owners = look.owners(Kind.PATIENT, own)
        searched = {place: by_number[search] for place, search in searches.items() if search in by_number}
        by_matricule = {draft.source.entry: found_by_matricule(draft, by_number) for draft in drafts}
        known = {row_id for row_id in by_matricule.values() if row_id is not None} | owners.keys()
        rows = look.patient_identifiers(work.ej.id, [*known])
        claims = []
        for draft in drafts:
            current = numbers[draft.source.entry]
            held_numbers = held(draft)
            row_id = by_matricule[draft.source.entry]
            if (
                row_id is not None
                and row_id != searched.get(draft.source.entry)
                and (draft.source.own is None or draft.source.own.number != row_id)
                and is_another(draft, rows.get(row_id, ()))
            ):
                work.refuse(draft.source, "identifier", OTHERS_MATRICULE)
            of_row = rows.get(draft.source.own.number, ()) if draft.source.own is not None else ()
            stored = {
                (identifier.system, identifier.value) for identifier in of_row if identifier.use_code != "old"
            }
            claims.append(
                Claim(
                    draft.source,
                    entries[draft.source.entry],
                    list({by_number[number] for number in current if number in by_number}),
                    numbered=bool(current),
                    row_numbered=bool(stored) and stored.isdisjoint(held_numbers),
                    is_searched=searches.get(draft.source.entry) in held_numbers,
                )
            )
        return decide(work, Kind.PATIENT, claims, owners, searched)

    def _write(self, drafts: Sequence[PatientDraft], identities: Identities) -> None:
        work, look = self._work, self._work.writing.look
        known = [
            identities.ids[draft.source.entry] for draft in drafts if draft.source.entry not in identities.new
        ]
        rows = look.patients(work.ej.id, known)
        identifiers = look.patient_identifiers(work.ej.id, known)
        contacts = look.patient_contacts(work.ej.id, known)
        created: list[PatientRow] = []
        changed: list[PatientRow] = []
        renewed: dict[int, _Parts] = {}
        for draft in drafts:
            row_id = identities.ids[draft.source.entry]
            existing = rows.get(row_id)
            before = None if existing is None or draft.merged_into is None else existing.merged_into_id
            imported = row(PatientRow, draft, id=row_id, merged_into_id=before)
            is_counted = True
            if existing is None:
                created.append(imported)
                renewed[row_id] = _Parts(_identifiers(draft, row_id), _contacts(draft, row_id))
            else:
                merged_row = self._merged(draft, existing, imported)
                if merged_row != existing:
                    changed.append(merged_row)
                stored_parts = _Parts(identifiers.get(row_id, []), contacts.get(row_id, []))
                parts = self._renewed(draft, existing, stored_parts)
                if parts is not None:
                    renewed[row_id] = parts
                is_counted = merged_row != existing or parts is not None
                work.counts.updated += is_counted
                work.counts.unchanged += not is_counted
            if draft.merged_into is not None:
                if len(self._merges) == limits.MOST_MERGES:
                    raise limits.merges()
                self._merges.append(_Merge(draft.source, row_id, draft.merged_into, before, is_counted))
        work.counts.created += len(created)
        ej_id = work.ej.id
        writing = work.writing
        writing.insert(Kind.PATIENT, ["ej_id", *_COLUMNS], [(ej_id, *patient) for patient in created])
        writing.update(Kind.PATIENT, _COLUMNS, changed)
        old = [row_id for row_id in renewed if row_id in rows]
        for table, names, parts_of in (
            (
                "patient_identifier",
                _IDENTIFIER_COLUMNS,
                [identifier for parts in renewed.values() for identifier in parts.identifiers],
            ),
            (
                "patient_contact",
                _CONTACT_COLUMNS,
                [contact for parts in renewed.values() for contact in parts.contacts],
            ),
        ):
            writing.clear(table, "patient_id", old)
            writing.insert(table, ["ej_id", *names], [(ej_id, *part) for part in parts_of])

    def _merged(self, draft: PatientDraft, existing: PatientRow, imported: PatientRow) -> PatientRow:
        """Return the row to write; dates that are known more precisely stay, which is reported."""
        shown = projection.patient(existing)
        imported, elements = kept_dates(shown, imported, self._work.ej.time_zone)
        for element in elements:
            self._work.warn(draft.source, element, "is kept as it was: it is the same, known more precisely")
        return merged(existing, shown, imported)

    def _renewed(self, draft: PatientDraft, existing: PatientRow, stored: _Parts) -> _Parts | None:
        """Return the parts that replace the stored ones; None if nothing changes."""
        contacts = _contacts(draft, existing.id)
        shown = projection.identifiers(existing, stored.identifiers)
        shown_by_number = {
            (identifier.system, identifier.value, identifier.use_code): identifier for identifier in shown
        }
        identifiers = [
            with_known_days(
                identifier,
                shown_by_number.get((identifier.system, identifier.value, identifier.use_code), identifier),
                identifier_draft.partial,
            )
            for identifier, identifier_draft in zip(
                _identifiers(draft, existing.id), draft.identifiers, strict=True
            )
        ]
        if loses_last_number(draft, shown):
            self._work.warn(draft.source, "identifier", LAST_NUMBER)
            identifiers = with_numbers(shown, identifiers)
        if "matricule" in draft.unsaid and not any(identifier.kind in INS_KIND for identifier in identifiers):
            identifiers = [*(identifier for identifier in shown if identifier.kind in INS_KIND), *identifiers]
        if in_order(shown) == in_order(identifiers) and in_order(stored.contacts) == contacts:
            return None
        # The sender cannot know of a matricule that is not shown.
        if not any(identifier.kind in INS_KIND for identifier in identifiers):
            identifiers += [identifier for identifier in stored.identifiers if identifier not in shown]
        return _Parts(in_order(identifiers), contacts)


def _identifiers(draft: PatientDraft, patient: int) -> list[PatientIdentifierRow]:
    return [row(PatientIdentifierRow, identifier, patient_id=patient) for identifier in draft.identifiers]


def _contacts(draft: PatientDraft, patient: int) -> list[PatientContactRow]:
    return [row(PatientContactRow, contact, patient_id=patient) for contact in draft.contacts]
