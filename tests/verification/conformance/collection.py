"""The exports to validate: their resources, and the files that a validator can read."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from verification.conformance.features import CODE, Feature, features

ENTRIES_A_PART = 250
ENTRIES_OF_SHORT, MOST_SHORT = 3, 100
MOST_CODES = 40
"""Of a place that has more, the codes are as free as texts: communes, local units, systems of identifiers."""
Json = dict[str, Any]


class Group(NamedTuple):
    """Exports that are reported together."""

    source: str
    dataset: str
    format: str


@dataclass
class Tally:
    """What was found in a group."""

    files: int = 0
    resources: int = 0
    errors: int = 0


class _Distinct(NamedTuple):
    resource: Json
    groups: set[Group]


@dataclass
class Collection:
    """Every export of one source, by group, and the distinct resources in all of them."""

    directory: Path
    tallies: dict[Group, Tally] = field(default_factory=dict)
    whole: dict[Path, Group] = field(default_factory=dict)
    """Complete exports, as Bundles."""
    _distinct: dict[str, _Distinct] = field(default_factory=dict)

    def add(self, group: Group, path: Path) -> frozenset[str]:
        """Takes in an export as it was saved; returns its resources, each as text to compare.

        NDJSON is wrapped into a Bundle beside it.

        Raises:
            ValueError: it is no Bundle of its format, or a line of it is no resource.
        """
        if group.format == "ndjson":
            resources = list(_lines(path))
            path = path.with_suffix(".wrapped.json")
            _wrap(path, resources)
        else:
            resources = _entries(path, "collection" if group.format == "bundle" else "transaction")
        self.whole[path] = group
        tally = self.tallies.setdefault(group, Tally())
        tally.files += 1
        tally.resources += len(resources)
        keys = [json.dumps(resource, sort_keys=True) for resource in resources]
        for key, resource in zip(keys, resources, strict=True):
            self._distinct.setdefault(key, _Distinct(resource, set())).groups.add(group)
        if len(set(keys)) < len(keys):
            raise ValueError(f"{path.name} holds a resource twice")
        return frozenset(keys)

    def parts(self, *, every: bool = False) -> dict[Path, list[set[Group]]]:
        """Writes distinct resources into Bundles: every one, or so many that each feature is in one of them.

        Returns:
            For each entry of each Bundle, in whose exports it is.
        """
        chosen = list(self._distinct.values()) if every else list(self._covering())
        found: dict[Path, list[set[Group]]] = {}
        for start in range(0, len(chosen), ENTRIES_A_PART):
            part = chosen[start : start + ENTRIES_A_PART]
            path = self.directory / f"part-{start:06}.json"
            _wrap(path, [one.resource for one in part])
            found[path] = [one.groups for one in part]
        return found

    def _covering(self) -> Iterator[_Distinct]:
        """Yields the resources that have a feature which those before them do not have."""
        seen: set[Feature] = set()
        codes: Counter[str] = Counter()
        for distinct in self._distinct.values():
            new = features(distinct.resource) - seen
            codes.update(feature.path for feature in new if feature.kind == CODE)
            seen |= new
            if any(feature.kind != CODE or codes[feature.path] <= MOST_CODES for feature in new):
                yield distinct

    def shortened(self) -> dict[Path, Group]:
        """Writes some Bundles again with their first entries only, for what can be said of a Bundle."""
        found: dict[Path, Group] = {}
        bundles = [(path, group) for path, group in self.whole.items() if group.format != "ndjson"]
        for path, group in bundles[:: 1 + len(bundles) // MOST_SHORT]:
            bundle = json.loads(path.read_text())
            if "entry" in bundle:
                bundle["entry"] = bundle["entry"][:ENTRIES_OF_SHORT]
            short = path.with_suffix(".short.json")
            short.write_text(json.dumps(bundle))
            found[short] = group
        return found


def _wrap(path: Path, resources: Sequence[Json]) -> None:
    bundle: Json = {"resourceType": "Bundle", "type": "collection"}
    if resources:  # FHIR has no empty arrays
        bundle["entry"] = [{"resource": resource} for resource in resources]
    path.write_text(json.dumps(bundle))


def _entries(path: Path, kind: str) -> list[Json]:
    bundle = json.loads(path.read_text())
    if (bundle["resourceType"], bundle["type"]) != ("Bundle", kind):
        raise ValueError(f"{path.name} is no Bundle of type {kind}")
    entries: list[Json] = bundle.get("entry", [])
    return [entry["resource"] for entry in entries]


def _lines(path: Path) -> Iterator[Json]:
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        raise ValueError(f"{path.name} ends within a line")
    for line in content.split(b"\n")[:-1]:
        resource: Json = json.loads(line)
        if "resourceType" not in resource:
            raise ValueError(f"{path.name} has a line that is no resource")
        yield resource
