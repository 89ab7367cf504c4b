"""Shows what the formats look like and that chunks are the whole rendering, cut between resources."""

import hashlib
import json

import pytest
from fhirexport_server.domain.datasets import Format
from fhirexport_server.domain.errors import RowNotRenderableError
from fhirexport_server.domain.rows import Rendered
from fhirexport_server.formats.chunker import LARGEST_RESOURCE_BYTES, Chunker, in_positions
from fhirexport_server.formats.layout import layout
from fhirexport_server.formats.segment_writer import CHUNK_BYTES
from hypothesis import given
from hypothesis import strategies as st

BASE = "https://fhir.example/r4"


def _resource(number: int, size: int = 20) -> Rendered:
    body = {"resourceType": "Patient", "id": f"pat-{number}", "note": "é" * (size // 2)}
    return Rendered("Patient", f"pat-{number}", json.dumps(body, ensure_ascii=False).encode())


def _whole(wanted: Format, resources: list[Rendered]) -> str:
    chunks = Chunker(layout(wanted, BASE)).chunks(in_positions(resources))
    return b"".join(chunk.text() for chunk in chunks).decode()


def test_a_collection_has_a_full_url_for_each_resource() -> None:
    bundle = json.loads(_whole(Format.BUNDLE, [_resource(1), _resource(2)]))
    assert bundle["type"] == "collection"
    assert [entry["fullUrl"] for entry in bundle["entry"]] == [
        f"{BASE}/Patient/pat-1",
        f"{BASE}/Patient/pat-2",
    ]
    assert [set(entry) for entry in bundle["entry"]] == [{"fullUrl", "resource"}] * 2


def test_a_transaction_puts_each_resource_by_its_id() -> None:
    bundle = json.loads(_whole(Format.TRANSACTION, [_resource(1)]))
    assert bundle["type"] == "transaction"
    assert bundle["entry"][0]["request"] == {"method": "PUT", "url": "Patient/pat-1"}
    assert bundle["entry"][0]["resource"]["id"] == "pat-1"


def test_ndjson_is_one_resource_a_line() -> None:
    resources = [_resource(1), _resource(2)]
    assert _whole(Format.NDJSON, resources).encode() == b"".join(r.json + b"\n" for r in resources)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Format.BUNDLE, '{"resourceType":"Bundle","type":"collection"}\n'),
        (Format.TRANSACTION, '{"resourceType":"Bundle","type":"transaction"}\n'),
        (Format.NDJSON, ""),
    ],
)
def test_without_resources_there_is_no_empty_array(wanted: Format, expected: str) -> None:
    assert _whole(wanted, []) == expected


@given(
    sizes=st.lists(st.sampled_from([20, 1000, CHUNK_BYTES // 2, CHUNK_BYTES, CHUNK_BYTES * 2]), max_size=12),
    wanted=st.sampled_from(Format),
)
def test_chunks_are_the_rendering_cut_between_resources(sizes: list[int], wanted: Format) -> None:
    resources = [_resource(number, size) for number, size in enumerate(sizes)]
    chunker = Chunker(layout(wanted, BASE))
    chunks = list(chunker.chunks(in_positions(resources)))
    whole = b"".join(chunk.text() for chunk in chunks)
    assert chunker.totals.sha256 == hashlib.sha256(whole).hexdigest()
    assert chunker.totals.size_bytes == len(whole) == sum(chunk.size for chunk in chunks)
    assert chunker.totals.resource_count == len(sizes) == sum(chunk.resource_count for chunk in chunks)
    assert all(chunk.size >= CHUNK_BYTES for chunk in chunks if chunk.segment is None)
    assert sum(chunk.segment.size for chunk in chunks if chunk.segment is not None) == len(whole)
    if wanted is Format.NDJSON:
        assert all(chunk.text().endswith(b"\n") for chunk in chunks)
        assert [line for line in whole.splitlines() if line] == [resource.json for resource in resources]
    else:
        assert [entry["resource"]["id"] for entry in json.loads(whole).get("entry", [])] == [
            resource.id for resource in resources
        ]


def test_a_resource_that_no_message_can_carry_is_refused() -> None:
    with pytest.raises(RowNotRenderableError) as refused:
        _whole(Format.NDJSON, [_resource(7, LARGEST_RESOURCE_BYTES)])
    assert refused.value.row_id == 7
