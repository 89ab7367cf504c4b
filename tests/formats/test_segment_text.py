"""Shows that a segment's text is taken apart as it was put together, and that other text is refused."""

import hashlib
from collections.abc import Sequence

import pytest
from fhirexport_server.domain.datasets import Format
from fhirexport_server.domain.rows import Rendered
from fhirexport_server.domain.segments import Block, Segment
from fhirexport_server.formats.layout import layout
from fhirexport_server.formats.segment_text import ForeignTextError, entries
from fhirexport_server.formats.segment_writer import SegmentWriter

BASE = "https://example.org/fhir"
BLOCK = Block(0, 7)


def resource(kind: str, number: int) -> Rendered:
    json = f'{{"resourceType":"Encounter","id":"{kind}-{number}","text":"}},\\n{{"}}'
    return Rendered("Encounter", f"{kind}-{number}", json.encode())


GROUPS = {7: [resource("ven", 7), resource("mvt", 1), resource("mvt", 2)], 9: [resource("ven", 9)]}


def written(wanted: Format, groups: Sequence[Sequence[Rendered]], *, first: bool) -> tuple[Segment, bytes]:
    chosen = layout(wanted, BASE)
    laid_out = [[chosen.entry(one) for one in group] for group in groups]
    chunks = list(SegmentWriter(chosen).chunks(BLOCK, laid_out, first=first))
    segment = chunks[-1].segment
    assert segment is not None
    return segment, b"".join(chunk.text() for chunk in chunks)


@pytest.mark.parametrize("wanted", Format)
@pytest.mark.parametrize("first", [True, False])
def test_a_text_is_taken_apart_as_it_was_put_together(wanted: Format, first: bool) -> None:  # noqa: FBT001 - a parameter
    segment, text = written(wanted, list(GROUPS.values()), first=first)
    chosen = layout(wanted, BASE)
    expected = {key: [chosen.entry(one) for one in group] for key, group in GROUPS.items()}
    assert entries(chosen, b"ven", segment, text) == expected


def resealed(segment: Segment, text: bytes) -> Segment:
    return segment._replace(digest=hashlib.sha256(text).digest(), size=len(text))


@pytest.mark.parametrize("wanted", Format)
@pytest.mark.parametrize(
    "damage",
    [
        lambda segment, text: (segment, text.replace(b"ven-7", b"ven-8")),
        lambda segment, _: (segment, b""),
        lambda segment, _: (resealed(segment, b"x"), b"x"),
        lambda segment, text: (segment._replace(ids=3), text),
        lambda segment, text: (segment._replace(resource_count=5), text),
        lambda segment, text: (
            resealed(segment, altered := text.replace(b'"id":"ven-7"', b'"id":"mvt-7"')),
            altered,
        ),
        lambda segment, text: (resealed(segment, altered := text.replace(b'"id"', b'"Id"')), altered),
    ],
    ids=["changed", "empty", "not ours", "more ids", "more resources", "a movement first", "without ids"],
)
def test_other_text_is_refused(wanted: Format, damage: object) -> None:
    assert callable(damage)
    segment, text = damage(*written(wanted, list(GROUPS.values()), first=True))
    with pytest.raises(ForeignTextError):
        entries(layout(wanted, BASE), b"ven", segment, text)
