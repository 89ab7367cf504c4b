"""Compare what is locked with the advisories that are in the repository: `python -m package.advisories`.

It asks nobody, so it works without a network. It fails where it can say nothing: without the list, with one
that cannot be read, or with one that nobody has looked after for MOST_DAYS. `make advisories` runs it.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[2]
LIST = ROOT / "requirements" / "advisories.json"
LOCK = ROOT / "requirements" / "dev.lock"
MOST_DAYS = 90
"""How old the list may be, by its own date: whoever looks for new advisories writes the day into it."""
FEWEST_LOCKED = 20
"""A lock of fewer packages was not read right."""
_LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


class AuditError(Exception):
    """Nothing can be said."""


def locked(text: str) -> dict[str, Version]:
    """Return the versions that a file of requirements locks, by name.

    Raises:
        AuditError: It does not lock what it should.
    """
    try:
        found = {str(canonicalize_name(name)): Version(version) for name, version in _LOCKED.findall(text)}
    except InvalidVersion as error:
        raise AuditError(f"the lock has a version that is none: {error}") from None
    if len(found) < FEWEST_LOCKED:
        raise AuditError(f"the lock has {len(found)} packages")
    return found


def advisories(text: str, today: date) -> Sequence[Mapping[str, Any]]:
    """Return the advisories of a list, each in the format of OSV.

    Raises:
        AuditError: It cannot be read, has none, or is too old.
    """
    try:
        document = json.loads(text)
        checked, found = date.fromisoformat(document["checked"]), document["advisories"]
        for one in found:
            _events(one)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError(f"the list of advisories cannot be read: {type(error).__name__}") from None
    if not found:
        raise AuditError("the list of advisories is empty")
    if not 0 <= (today - checked).days <= MOST_DAYS:
        raise AuditError(
            f"the list of advisories was looked after on {checked}: look for new ones, then write the day"
        )
    return list(found)


def affected(versions: Mapping[str, Version], known: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is locked and affected: the package, its version, the advisory, and what mends it."""
    hits = []
    for advisory in known:
        for name, events in _events(advisory):
            version = versions.get(name)
            if version is not None and (fixed := _fixed(version, events)) is not None:
                ids = ", ".join([advisory["id"], *advisory["aliases"]])
                hits.append(f"{name} {version}: {ids}: {advisory['summary']}; mended in {fixed}")
    return hits


def _events(advisory: Mapping[str, Any]) -> list[tuple[str, list[tuple[Version, Version | None]]]]:
    """Return the ranges of each package, from the version that is affected first to the one that is not."""
    found = []
    for one in advisory["affected"]:
        if one["package"]["ecosystem"] != "PyPI":
            raise ValueError("another ecosystem")
        ranges: list[tuple[Version, Version | None]] = []
        for event in (event for each in one["ranges"] for event in each["events"]):
            ((kind, text),) = event.items()
            if kind == "introduced":
                ranges.append((Version(text), None))
            elif kind == "fixed" and ranges and ranges[-1][1] is None:
                ranges[-1] = (ranges[-1][0], Version(text))
            else:
                raise ValueError("an event that is not understood")
        if not ranges:
            raise ValueError("no range")
        found.append((canonicalize_name(one["package"]["name"]), ranges))
    if not found or not advisory["id"] or not advisory["summary"] or not advisory["references"]:
        raise ValueError("no package, id, summary or source")
    return [(str(name), ranges) for name, ranges in found]


def _fixed(version: Version, ranges: Sequence[tuple[Version, Version | None]]) -> str | None:
    """Return the version that mends a version that is affected; None where it is not."""
    for first, fixed in ranges:
        if first <= version and (fixed is None or version < fixed):
            return "no version yet" if fixed is None else str(fixed)
    return None


def main() -> int:
    """Print what is affected; return the exit status: 0 where nothing is, 2 where nothing can be said."""
    today = datetime.now(UTC).date()
    try:
        versions, known = locked(LOCK.read_text()), advisories(LIST.read_text(), today)
    except (AuditError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    hits = affected(versions, known)
    for hit in hits:
        sys.stdout.write(f"{hit}\n")
    sys.stdout.write(f"{len(versions)} packages, {len(known)} advisories: {len(hits)} affected\n")
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main())
