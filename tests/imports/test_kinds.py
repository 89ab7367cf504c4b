"""Shows what becomes of bytes that are not plain NDJSON: read all the same, or named in one error."""

import gzip
import json

import pytest
from fhirexport_server.domain.errors import InvalidRequestError
from fhirexport_server.domain.imports import ImportOptions
from imports.hospital import EJ, Hospital, bundle, counts, put
from support.importing import import_bundle, import_lines, importing, pieces

pytestmark = pytest.mark.content

BOM = b"\xef\xbb\xbf"


def _lines(hospital: Hospital) -> list[bytes]:
    services = [one for id_, one in hospital.resources.items() if id_.startswith("service-")][:3]
    return [json.dumps(one | {"name": "Renamed"}).encode() for one in services]


@pytest.mark.long
async def test_marks_ends_of_lines_and_empty_lines_mean_nothing(hospital: Hospital) -> None:
    lines = _lines(hospital)
    for content in (
        BOM + b"\n".join(lines),
        b"\r\n".join([b"", *lines, b"", b""]),
        b"\n".join(BOM + line for line in lines),
    ):
        for size in (1, 4, 60_000):
            async with importing(hospital.url) as importer:
                options = ImportOptions(ej_id=EJ, validate_only=True)
                summary = await importer.resources(pieces(content, size), options)
            assert (counts(summary), summary.problems) == ((0, len(lines), 0, 0), ())
    marked = BOM + bundle("transaction", *map(put, map(json.loads, lines)))
    assert counts(await import_bundle(hospital.url, marked, ej_id=EJ)) == (0, len(lines), 0, 0)


async def test_what_is_no_ndjson_is_named_in_one_error_and_nothing_is_written(hospital: Hospital) -> None:
    lines = _lines(hospital)
    resources = [json.loads(line) for line in lines]
    ndjson = b"\n".join(lines)
    of_bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [put(one) for one in resources]}
    before = await hospital.exports()
    for content, text in (
        (b"\n \r\n", "at least one resource"),
        (BOM, "at least one resource"),
        (gzip.compress(ndjson, mtime=0), "gzip"),
        (ndjson.decode().encode("utf-16"), "UTF-16"),
        (ndjson.decode().encode("utf-16-be"), "UTF-16"),
        (json.dumps(of_bundle).encode(), "a Bundle"),
        (json.dumps({name: of_bundle[name] for name in reversed(of_bundle)}).encode(), "a Bundle"),
        (json.dumps(of_bundle, indent=2).encode(), "JSON over several lines"),
        (BOM + json.dumps(of_bundle, indent=2).encode(), "JSON over several lines"),
        (json.dumps(resources[0], indent=2).encode(), "JSON over several lines"),
        (json.dumps(resources).encode(), "a JSON array"),
        (json.dumps(resources, indent=2).encode(), "a JSON array"),
        (b"".join(lines), "several resources in one line"),
        (b" ".join(lines), "several resources in one line"),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            await import_lines(hospital.url, content, ej_id=EJ)
        (violation,) = caught.value.violations
        assert violation.field == "chunk"
        assert text in violation.description
    assert await hospital.exports() == before


async def test_a_first_line_that_is_nothing_does_not_make_the_others_so(hospital: Hospital) -> None:
    lines = _lines(hospital)
    for first in (b"nothing", b'{"a": tru}', lines[0][:-9], b'{"resourceType": "Patient", "id'):
        content = b"\n".join([first, *lines])
        summary = await import_lines(hospital.url, content, ej_id=EJ, validate_only=True)
        assert counts(summary) == (0, len(lines), 0, 0)
        assert [one.entry for one in summary.problems] == [0]


async def test_ndjson_that_is_sent_as_a_bundle_is_named(hospital: Hospital) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await import_bundle(hospital.url, b"\n".join(_lines(hospital)), ej_id=EJ)
    assert "ImportResources" in caught.value.violations[0].description
