"""Shows that an answer that is kept whole is the one that would be made, and never an outdated one."""

import json

import zstandard
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, ExportPatientsResponse
from fhirexport.v1.types_pb2 import ENCODING_ZSTD, FORMAT_NDJSON, Consistency, Snapshot
from google.protobuf.duration_pb2 import Duration
from structlog.testing import capture_logs
from support.rows import writing
from support.server import exporting

PLAIN = ExportPatientsRequest(ej_id=1)
PACKED = ExportPatientsRequest(ej_id=1, accept_encodings=[ENCODING_ZSTD])
RENAME = "UPDATE patient SET used_family = 'DURAND' WHERE ej_id = 1"


def _text(answer: ExportPatientsResponse) -> str:
    reader = zstandard.ZstdDecompressor().stream_reader(answer.zstd, read_across_frames=True)
    return reader.read().decode() if answer.zstd else answer.json


async def test_an_answer_is_the_same_each_time_it_is_given_in_each_encoding(small_url: str) -> None:
    async with exporting(small_url) as stub:
        rendered = await stub.ExportPatients(PLAIN)
        plain = [await stub.ExportPatients(PLAIN) for _ in range(3)]
        packed = [await stub.ExportPatients(PACKED) for _ in range(3)]
        lines = await stub.ExportPatients(ExportPatientsRequest(ej_id=1, format=FORMAT_NDJSON))
    assert plain[0] == plain[1] == plain[2]
    assert packed[0] == packed[1] == packed[2]
    assert {_text(answer) for answer in (*plain, *packed)} == {rendered.json}
    assert plain[2].snapshot == packed[2].snapshot
    assert plain[2].snapshot.source == Snapshot.SOURCE_CACHE
    assert plain[2].snapshot.etag == rendered.snapshot.etag
    assert "entry" not in json.loads(lines.json.partition("\n")[0])


async def test_the_log_tells_of_each_answer_how_much_it_was(small_url: str) -> None:
    with capture_logs() as logs:
        async with exporting(small_url) as stub:
            answer, *_ = [await stub.ExportPatients(PLAIN) for _ in range(3)]
    calls = [(line["source"], line["resources"], line["bytes"]) for line in logs if line["event"] == "call"]
    size = len(answer.json.encode())
    assert calls == [("database", 1, size), ("cache", 1, size), ("cache", 1, size)]


async def test_an_answer_that_is_kept_whole_is_served_while_it_is_current_and_never_after(
    small_url: str,
) -> None:
    recent = ExportPatientsRequest(ej_id=1, consistency=Consistency(max_staleness=Duration(seconds=3600)))
    async with exporting(small_url) as stub:
        for request in (PLAIN, PACKED) * 3:
            assert "MARTIN" in _text(await stub.ExportPatients(request))
        with writing(small_url) as connection:
            connection.exec_driver_sql(RENAME)
        # Who accepts what was current an hour ago gets that, and brings nobody else it.
        assert "MARTIN" in _text(await stub.ExportPatients(recent))
        for request in (PLAIN, PACKED) * 3:
            assert "DURAND" in _text(await stub.ExportPatients(request))
        assert "DURAND" in _text(await stub.ExportPatients(recent))
