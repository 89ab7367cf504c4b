"""The drafts of one import by name: finds what references name, repeated numbers, and cycles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from fhirexport_server.fhir.reading.datatypes.references import Identifier, Ref
from fhirexport_server.fhir.reading.json.problems import Problems, Severity
from fhirexport_server.fhir.reading.resources.drafts import Draft, DraftOrigin
from fhirexport_server.fhir.reading.together.draft_names import (
    Kinds,
    identifiers,
    numbers,
    parent,
    references,
)

_Node = TypeVar("_Node")
_TAKEN: Final = "must not hold the number of another resource of the import, nor one twice"
_SAME: Final = "must not be the id of another resource of the import"
_NOWHERE: Final = "must name a resource of the import, or one of this service by its id or its number"
_OTHER_KIND: Final = "must name a resource of another kind"
_UNCLEAR: Final = "must name one resource of the import, not several"
_CYCLE: Final = "must not lead back to the resource itself"


class Directory:
    """The drafts of one import, by every name that a reference may use."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self._drafts = drafts
        self._by_name: dict[object, Draft] = {}
        self._by_identifier: dict[object, list[Draft]] = {}
        for draft in drafts:
            for name in (draft.source.own, draft.source.key):
                if name is not None:
                    self._by_name.setdefault(name, draft)
            for identifier in identifiers(draft):
                self._by_identifier.setdefault(identifier, []).append(draft)

    def find(self, ref: Ref, kinds: Kinds) -> Sequence[Draft]:
        """Return the drafts that a reference may name: none, one, or several that share a number.

        Args:
            ref: The reference.
            kinds: The kinds of draft that it should name; an id or fullUrl also finds others.
        """
        matches = self._numbered(ref.identifier, kinds)
        others = self._numbered(ref.also, kinds)
        if others:
            matches = [draft for draft in matches if draft in others] or [*matches, *others]
        for name in (ref.key, ref.own):
            if name is not None and name in self._by_name:
                draft = self._by_name[name]
                # The identifier of the reference must not name another draft.
                return (draft,) if not matches or draft in matches else (draft, *matches)
        return matches

    def _numbered(self, identifier: Identifier | None, kinds: Kinds) -> list[Draft]:
        """Return the drafts of some kinds with an identifier."""
        found = () if identifier is None else self._by_identifier.get(identifier, ())
        return [draft for draft in found if isinstance(draft, kinds)]

    def check(self, problems: Problems) -> Sequence[tuple[int, int]]:
        """Report repeated numbers, references that name nothing, and cycles of parents.

        Returns:
            What `check_numbers` returns.
        """
        pairs = self.check_numbers(problems)
        for draft in self._drafts:
            for ref, kinds in references(draft):
                self._check_reference(draft.source, ref, kinds, problems)
        self._check_cycles(problems)
        return pairs

    def check_numbers(self, problems: Problems) -> Sequence[tuple[int, int]]:
        """Report repeated ids and numbers.

        Returns:
            Pairs of entries: where an id or number stands first, and where it stands again.
        """
        taken: dict[object, int] = {}
        pairs = []
        for draft in self._drafts:
            own, held_numbers = draft.source.own, list(numbers(draft))
            before = taken.get(own)
            if own is not None and before is not None:
                _report(draft.source, "id", _SAME, problems)
            else:
                before = next((taken[number] for number in held_numbers if number in taken), None)
                if before is not None or len(set(held_numbers)) < len(held_numbers):
                    _report(draft.source, "identifier", _TAKEN, problems)
            if before is not None:
                pairs.append((before, draft.source.entry))
            for name in held_numbers if own is None else (own, *held_numbers):
                taken.setdefault(name, draft.source.entry)
        return pairs

    def _check_reference(self, source: DraftOrigin, ref: Ref, kinds: Kinds, problems: Problems) -> None:
        drafts = self.find(ref, kinds)
        if not drafts and ref.own is None and ref.identifier is None:
            _report(source, ref.at, _NOWHERE, problems)
        elif len(drafts) > 1:
            _report(source, ref.at, _UNCLEAR, problems)
        elif drafts and not isinstance(drafts[0], kinds):
            _report(source, ref.at, _OTHER_KIND, problems)

    def _check_cycles(self, problems: Problems) -> None:
        above: dict[int, int] = {}
        links: dict[int, tuple[DraftOrigin, Ref]] = {}
        for draft in self._drafts:
            link = parent(draft)
            parents = () if link is None else self.find(*link)
            if link is not None and len(parents) == 1:
                above[draft.source.entry] = parents[0].source.entry
                links[draft.source.entry] = (draft.source, link[0])
        for place in cycles(above):
            source, ref = links[place]
            _report(source, ref.at, _CYCLE, problems)


def cycles(above: Mapping[_Node, _Node]) -> Iterator[_Node]:
    """Yield every node that is its own ancestor.

    Args:
        above: The parent of each node that has one.
    """
    done: set[_Node] = set()
    for start in above:
        path: dict[_Node, None] = {}
        node = start
        while node in above and node not in done and node not in path:
            path[node] = None
            node = above[node]
        if node in path:
            path_nodes = list(path)
            yield from path_nodes[path_nodes.index(node) :]
        done.update(path)


def _report(source: DraftOrigin, at: str, text: str, problems: Problems) -> None:
    problems.report(Severity.ERROR, source.entry, f"{source.path}.{at}", text)
