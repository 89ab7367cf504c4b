"""Shows that what is written around content is what protobuf itself writes."""

from fhirexport.v1.export_service_pb2 import ExportVenuesResponse, StreamExportResponse
from fhirexport.v1.types_pb2 import Snapshot
from fhirexport_server.rpc.exports.wire import around, nested
from hypothesis import given
from hypothesis import strategies as st

PIECES = st.lists(st.text(max_size=200).map(str.encode), max_size=4)


@given(PIECES, st.text(max_size=20), st.integers(0, 2**40))
def test_a_message_with_content_is_what_protobuf_writes(pieces: list[bytes], etag: str, size: int) -> None:
    head = ExportVenuesResponse(snapshot=Snapshot(etag=etag, size_bytes=size))
    content = b"".join(pieces)
    expected = ExportVenuesResponse(snapshot=head.snapshot, zstd=content)
    assert around(head, "zstd", pieces) == expected.SerializeToString()
    expected = ExportVenuesResponse(snapshot=head.snapshot, json=content.decode())
    assert around(head, "json", pieces) == expected.SerializeToString()


@given(PIECES, st.integers(0, 2**31 - 1), st.binary(max_size=32))
def test_a_message_in_a_message_is_what_protobuf_writes(
    pieces: list[bytes], count: int, digest: bytes
) -> None:
    rest = StreamExportResponse.Chunk(resource_count=count, digest=digest)
    chunk = StreamExportResponse.Chunk(json=b"".join(pieces).decode(), resource_count=count, digest=digest)
    expected = StreamExportResponse(chunk=chunk).SerializeToString()
    assert nested(StreamExportResponse(), "chunk", "json", pieces, rest) == expected


def test_lengths_of_several_bytes_are_written_as_protobuf_writes_them() -> None:
    for size in (0, 1, 127, 128, 16_383, 16_384, 3_000_000):
        expected = ExportVenuesResponse(json="x" * size)
        written = around(ExportVenuesResponse(), "json", [b"x" * size])
        assert written == expected.SerializeToString()
        assert ExportVenuesResponse.FromString(written) == expected
