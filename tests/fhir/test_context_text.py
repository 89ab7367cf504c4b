"""Shows that a context is kept as text, and when a row that stays renders alike in a new context."""

from dataclasses import replace

import pytest
from fhirexport_server.fhir.rendering.context_text import covers, dump, load
from fhirexport_server.fhir.rendering.ej_context import EjContext

BASE = "https://example.org/fhir"
CONTEXT = EjContext(
    ej_id=1,
    base_url=BASE,
    time_zone="Europe/Paris",
    namespaces={"IPP": "urn:oid:1.2.3"},
    units={1: "UF", 2: "POLE"},
    places={7: "ROOM"},
)


def test_a_context_comes_back_from_its_text() -> None:
    assert load(dump(CONTEXT), 1, BASE) == CONTEXT
    assert dump(replace(CONTEXT, units={2: "POLE", 1: "UF"})) == dump(CONTEXT)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"time_zone":"Europe/Paris"}', '{"units":3}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        load(text, 1, BASE)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (CONTEXT, True),
        (replace(CONTEXT, units={1: "UF", 2: "POLE", 3: "UF"}), True),
        (replace(CONTEXT, places={7: "ROOM", 8: "BED"}), True),
        (replace(CONTEXT, units={1: "UF"}), False),
        (replace(CONTEXT, units={1: "UF", 2: "SERVICE"}), False),
        (replace(CONTEXT, places={}), False),
        (replace(CONTEXT, time_zone="Indian/Reunion"), False),
        (replace(CONTEXT, namespaces={}), False),
        (replace(CONTEXT, namespaces={"IPP": "urn:oid:1.2.4"}), False),
    ],
)
def test_a_context_covers_an_older_one(new: EjContext, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert covers(new, CONTEXT) is expected
