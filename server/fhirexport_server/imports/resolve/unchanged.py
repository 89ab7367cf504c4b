"""Finds the lines of an import that say what is there already. They need not be read.

To render a row and to compare bytes takes a part of the time of reading a line. Lines are what is rendered
where they come from an export of this service: as in an import that is repeated.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Self

from fhirexport_server.domain import codes
from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import MovementRow, Rendered
from fhirexport_server.fhir.reading.bundles.bundle import content_digest
from fhirexport_server.fhir.reading.datatypes.own_ids import own_id
from fhirexport_server.fhir.reading.json import strict_json
from fhirexport_server.fhir.rendering import patients, venues
from fhirexport_server.fhir.rendering.ej_context import EjContext
from fhirexport_server.imports.kinds import Kind
from fhirexport_server.imports.sources.line_files import Line
from fhirexport_server.imports.work import Work
from fhirexport_server.pam.movement_order import in_order
from fhirexport_server.store.importing import journal

SAMPLE: Final = 50
"""How many groups of a window are compared first. Where all of them are news, the others are not compared."""
_HEAD: Final = re.compile(rb'\{"resourceType":"([A-Za-z]{1,20})","id":"([a-z0-9-]{1,40})"')

Group = Sequence[Line]
"""Lines that belong together: a patient, or a venue and its movements."""
Row = tuple[Kind, int]
"""A kind and an id."""


class _Named(NamedTuple):
    """A group whose lines have ids of this service."""

    number: int
    """Its place among the groups."""
    row_id: int
    """The id of the patient or of the venue."""
    lines: Mapping[Row, Line]

    @classmethod
    def of(cls, number: int, group: Group, kind: Kind) -> Self | None:
        """Return a group; None if it is not one resource of a kind with movements at most, each once."""
        lines: dict[Row, Line] = {}
        for line in group:
            head = _HEAD.match(line[1])
            own = None if head is None else own_id(head[1].decode(), head[2].decode())
            if own is None:
                return None
            lines[Kind.of(own), own.number] = line
        main = [row_id for of_kind, row_id in lines if of_kind is kind]
        is_whole = len(lines) == len(group) and len(main) == 1
        return cls(number, main[0], lines) if is_whole else None

    def says(self, resources: Iterable[tuple[Row, Rendered]]) -> bool:
        """Return whether each of its lines is one of these resources."""
        try:
            same = sum(
                row in self.lines and self.lines[row][1] == resource.json for row, resource in resources
            )
        except RowNotRenderableError:
            return False
        return same == len(self.lines)


class Unchanged:
    """The lines of one stage of an import that say what is there already. Make it where the stage begins.

    They count as unchanged. Their rows are noted as rows that the import has written, so that a later line of
    the same resource is found: it is as if an earlier window had held them.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        # A new EJ has nothing yet; one without numbers of patients may learn their system from any line. And
        # who refers to a resource that was refused is refused as well, whatever else is there.
        self._is_off = work.is_new or not work.ipp_systems or bool(work.problems.errors)

    def patients(self, groups: Sequence[Group]) -> list[Group]:
        """Return the patients of a window that say something new."""
        return self._news(groups, Kind.PATIENT, self._same_patients)

    def stays(self, groups: Sequence[Group]) -> list[Group]:
        """Return the stays of a window of which any line says something new."""
        return self._news(groups, Kind.VENUE, self._same_stays)

    def _news(
        self,
        groups: Sequence[Group],
        kind: Kind,
        same: Callable[[Mapping[int, _Named]], Sequence[_Named]],
    ) -> list[Group]:
        if self._is_off:
            return list(groups)
        named = [one for number, group in enumerate(groups) if (one := _Named.of(number, group, kind))]
        count = Counter(row for one in named for row in one.lines)
        once = [one for one in named if all(count[row] == 1 for row in one.lines)]
        noted = self._note(same({one.row_id: one for one in once[:SAMPLE]}))
        if noted:
            noted |= self._note(same({one.row_id: one for one in once[SAMPLE:]}))
        return [group for number, group in enumerate(groups) if number not in noted]

    def _note(self, same: Sequence[_Named]) -> set[int]:
        """Count groups and note their rows, but for those of which the import has other lines."""
        work = self._work
        names = work.writing.names
        written: set[Row] = set()
        for kind in (Kind.PATIENT, Kind.VENUE, Kind.MOVEMENT):
            ids = [row_id for one in same for of_kind, row_id in one.lines if of_kind is kind]
            written.update((kind, row_id) for row_id in names.written(kind, ids))
        noted: set[int] = set()
        rows: dict[Kind, list[tuple[int, journal.Line]]] = {}
        for one in same:
            lines = {
                row: journal.Line(place, content_digest(strict_json.decode(content)))
                for row, (place, content) in one.lines.items()
            }
            if written.isdisjoint(lines) and not any(map(work.doubles.has, lines.values())):
                noted.add(one.number)
                for (kind, row_id), line in lines.items():
                    rows.setdefault(kind, []).append((row_id, line))
        for kind, of_kind in rows.items():
            names.note_written(kind, of_kind)
            work.counts.unchanged += len(of_kind)
        return noted

    def _same_patients(self, named: Mapping[int, _Named]) -> list[_Named]:
        look, ej_id = self._work.writing.look, self._work.ej.id
        rows = look.patients(ej_id, list(named))
        identifiers = look.patient_identifiers(ej_id, list(rows))
        contacts = look.patient_contacts(ej_id, list(rows))
        context = self._context()

        def shown(row_id: int) -> Iterable[tuple[Row, Rendered]]:
            parts = identifiers.get(row_id, ()), contacts.get(row_id, ())
            yield (Kind.PATIENT, row_id), patients.patient(rows[row_id], *parts, context)

        return [
            one
            for row_id, one in named.items()
            # Whom a patient is merged into may still come, and be refused.
            if row_id in rows and rows[row_id].merged_into_id is None and one.says(shown(row_id))
        ]

    def _same_stays(self, named: Mapping[int, _Named]) -> list[_Named]:
        look, ej_id = self._work.writing.look, self._work.ej.id
        rows = look.venues(ej_id, list(named))
        active: dict[int, list[MovementRow]] = {}
        derived: set[int] = set()
        for stored in look.movements_of(ej_id, list(rows)):
            if stored.state == codes.ACTIVE:
                active.setdefault(stored.row.venue_id, []).append(stored.row)
            if stored.derived:
                derived.add(stored.row.venue_id)
        context = self._context()

        def shown(one: _Named) -> Iterable[tuple[Row, Rendered]]:
            movements = in_order(active.get(one.row_id, []))
            yield (Kind.VENUE, one.row_id), venues.venue(rows[one.row_id], movements, context)
            if len(one.lines) > 1:
                rendered = venues.movements(rows[one.row_id], movements, context)
                for row, resource in zip(movements, rendered, strict=True):
                    yield (Kind.MOVEMENT, row.id), resource

        return [
            one
            for row_id, one in named.items()
            # No sender knows a movement that was derived: what a line of one means is for others to decide.
            if row_id in rows and (len(one.lines) == 1 or row_id not in derived) and one.says(shown(one))
        ]

    def _context(self) -> EjContext:
        work = self._work
        return EjContext(
            ej_id=work.ej.id,
            base_url=work.base_url,
            time_zone=work.ej.time_zone,
            namespaces=work.writing.look.namespaces(work.ej.id),
            units=work.structure.unit_kinds,
            places=work.structure.place_kinds,
        )
