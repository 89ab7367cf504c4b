"""Shows which kinds of files are recognized, and how the others are named: without a server."""

import gzip
import io
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from fhirexport.cli.importing.import_source import Content, Counted, UnreadableSourceError, content
from fhirexport.cli.importing.json_texts import NotResourcesError, Texts

PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"family": 'É"\\{[', "given": ["x\ny"]}]}
OTHER = {"resourceType": "Patient", "id": "b"}
BUNDLE = {"type": "batch", "entry": [{"resource": PATIENT} for _ in range(100)], "resourceType": "Bundle"}
LINES = "".join(json.dumps(one) + "\n" for one in (PATIENT, OTHER)).encode()
BOM = b"\xef\xbb\xbf"


def _read(data: bytes) -> tuple[Content, list[Any]]:
    found = content(Counted(io.BytesIO(data), len(data)))
    return found, [json.loads(line) for line in b"".join(found.lines).splitlines() if line.strip()]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "data",
    [
        LINES,
        BOM + LINES,
        LINES.replace(b"\n", b"\r\n"),
        b"\r\n \n" + LINES,
        LINES.rstrip(),
        json.dumps([PATIENT, OTHER]).encode(),
        json.dumps([PATIENT, OTHER], indent=2).encode(),
        BOM + json.dumps([PATIENT, OTHER], indent=2).replace("\n", "\r\n").encode(),
        (json.dumps(PATIENT) + json.dumps(OTHER)).encode(),
        (json.dumps(PATIENT) + " " + json.dumps(OTHER)).encode(),
        (json.dumps(PATIENT, indent=1) + "\n" + json.dumps(OTHER, indent=1)).encode(),
    ],
)
def test_resources_are_read_in_any_layout(data: bytes, pack: Callable[[bytes], bytes]) -> None:
    found, resources = _read(pack(data))

    assert found.bundle is None
    assert resources == [PATIENT, OTHER]


def test_one_indented_resource_is_read() -> None:
    assert _read(json.dumps(PATIENT, indent=2).encode())[1] == [PATIENT]


def test_lines_are_counted_as_they_are_in_the_file() -> None:
    data = b"\n\n" + LINES

    assert b"".join(content(Counted(io.BytesIO(data), None)).lines) == data


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "data",
    [
        json.dumps(BUNDLE).encode(),
        json.dumps(BUNDLE, indent=2).encode(),
        BOM + b"\n" + json.dumps(BUNDLE, indent=2).encode() + b"\n\n",
    ],
)
def test_a_bundle_is_recognized_whatever_its_layout(data: bytes, pack: Callable[[bytes], bytes]) -> None:
    found, resources = _read(pack(data))

    assert found.bundle is not None
    assert json.loads(found.bundle) == BUNDLE
    assert resources == []


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (BOM, "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (json.dumps(BUNDLE).encode("utf-16"), "is UTF-16"),
        (LINES.decode().encode("utf-16-le"), "is UTF-16"),
        (LINES.decode().encode("utf-16-be"), "is UTF-16"),
        (LINES.decode().encode("utf-32"), "is UTF-32"),
        (json.dumps(BUNDLE, ensure_ascii=False).encode("latin-1"), "is not UTF-8"),
        (b"<Bundle xmlns='http://hl7.org/fhir'>", "is XML"),
        (b"\x28\xb5\x2f\xfd....", "Zstandard"),
        (b"PK\x03\x04....", "ZIP"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00..", "xz"),
        (gzip.compress(LINES, mtime=0)[:-12], "is damaged"),
        (b"\x1f\x8b\x08\x00nonsense", "is damaged"),
        (json.dumps(BUNDLE, indent=2).encode()[:-20], "look at line "),
        (json.dumps(BUNDLE).encode() + b"\n" + LINES, "holds a Bundle and more"),
        (json.dumps([1, 2]).encode(), "something else than JSON objects"),
        (b"[]", "holds no resource"),
        (b'{"resourceType": "Bundle", "type": "batch", "x": "' + b"x" * (8 << 20), "send NDJSON"),
        (b'{\n"type": "batch", "x": "' + b"x" * (8 << 20), "send NDJSON"),
        (b"[" + LINES.replace(b"\n", b",\n") + b"[]]", "something else than JSON objects"),
    ],
)
def test_what_cannot_be_imported_is_named(data: bytes, text: str) -> None:
    with pytest.raises(UnreadableSourceError, match=text):
        _read(data)


def test_what_ends_early_is_named_while_it_is_read() -> None:
    noise = random.Random(1).randbytes(3 << 20).hex()
    many = json.dumps(OTHER | {"text": noise[: 1 << 19]}).encode() + b"\n"
    packed = gzip.compress(many * 8)
    found = content(Counted(io.BytesIO(packed[:-100]), None))
    with pytest.raises(UnreadableSourceError, match="is damaged"):
        list(found.lines)
    assert found.failure is not None


def test_a_line_that_is_nothing_is_left_to_the_server() -> None:
    for first in (b"nothing", b'{"a": tru}', b'{"resourceType": "Patient", "id'):
        data = first + b"\n" + LINES
        assert b"".join(content(Counted(io.BytesIO(data), None)).lines) == data


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_json_is_cut_into_resources_wherever_its_pieces_end(size: int) -> None:
    data = json.dumps([PATIENT, OTHER, PATIENT], indent=1).encode()
    texts, resources = Texts(), []
    for start in range(0, len(data), size):
        resources += [json.loads(line) for line in texts.feed(data[start : start + size])]
    texts.end()

    assert resources == [PATIENT, OTHER, PATIENT]


@pytest.mark.parametrize("data", [b'{"a": 1', b"[{}", b'{"a": "', b'{"a": "\n"}', b"{} x", b"{}]", b"[{}] ["])
def test_json_that_is_no_resources_is_refused(data: bytes) -> None:
    texts = Texts()
    with pytest.raises(NotResourcesError):
        list(texts.feed(data))
        texts.end()
