"""Shows that the stay of another system that docs/api.md has for an example is what the page says."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from imports.test_stays import event, movements_of
from support.documented import blocks
from support.importing import exported, import_bundle

EXAMPLE = next(json.loads(block.text) for block in blocks("docs/api.md") if '"EXAMPLE-V1"' in block.text)
BOX, BED = "Location/box-2", "Location/bed-48"
START, MOVED, END = "2026-03-01T08:00:00+01:00", "2026-03-01T11:30:00+01:00", "2026-03-04T10:00:00+01:00"


async def _imported(url: str, bundle: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Import a Bundle into the demo group; return the venue, and the events of its movements."""
    summary = await import_bundle(url, json.dumps(bundle).encode(), ej_id=1)
    assert (summary.problems, summary.created) == ((), len(bundle["entry"]))
    resources = {one["id"]: one for one in map(json.loads, (await exported(url))[1].venues.splitlines())}
    found: dict[str, Any] = next(
        one for one in resources.values() if one["identifier"][0]["value"] == "EXAMPLE-V1"
    )
    return found, [event(one) for one in movements_of(resources, found["id"])]


@pytest.mark.parametrize("types", [True, False])
async def test_the_example_is_what_the_page_says(types: bool, new_group: Callable[[str, int], str]) -> None:  # noqa: FBT001 - a parameter of the test
    bundle = deepcopy(EXAMPLE)
    if not types:
        for entry in bundle["entry"]:
            entry["resource"].pop("type", None)

    venue, events = await _imported(new_group("sqlite", 20), bundle)

    assert events == ["A04", "A06", "A03"]
    assert (venue["status"], venue["class"]["code"]) == ("finished", "IMP")
    assert venue["period"] == {"start": START, "end": END}
    assert [(one["class"]["code"], one["period"]) for one in venue["classHistory"]] == [
        ("EMER", {"start": START, "end": MOVED}),
        ("IMP", {"start": MOVED, "end": END}),
    ]
    assert [(one["location"]["reference"], one["period"]) for one in venue["location"]] == [
        (BOX, {"start": START, "end": MOVED}),
        (BED, {"start": MOVED, "end": END}),
    ]
    assert venue["serviceProvider"] == {"reference": "Organization/uf-28"}


async def test_the_example_without_its_movements(new_group: Callable[[str, int], str]) -> None:
    venue, events = await _imported(new_group("sqlite", 20), EXAMPLE | {"entry": EXAMPLE["entry"][:2]})

    assert events == ["A01", "A03"]
    assert (venue["status"], venue["class"]["code"]) == ("finished", "IMP")
    assert venue["period"] == {"start": START, "end": END}
    assert "classHistory" not in venue
