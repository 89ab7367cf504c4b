"""Shows what a request message may say, field by field."""

from collections.abc import Sequence

import pytest
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportVenuesRequest,
    ListLegalEntitiesRequest,
    StreamExportRequest,
)
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.errors import InvalidRequestError
from fhirexport_server.exports.request import (
    AtLeast,
    Bypass,
    Consistency,
    ExportRequest,
    Have,
    MaxStaleness,
    Strict,
)
from fhirexport_server.rpc.exports import pages, requests
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

UNKNOWN = 99
CANARY = "CANARY"


def _staleness(seconds: int, nanos: int = 0) -> types.Consistency:
    return types.Consistency(max_staleness=Duration(seconds=seconds, nanos=nanos))


def _at_least(token: str) -> types.Consistency:
    return types.Consistency(at_least=token)


def _bypass(*, wanted: bool) -> types.Consistency:
    return types.Consistency(bypass_cache=wanted)


def _having(root: str = "", digests: Sequence[bytes] = ()) -> StreamExportRequest:
    have = StreamExportRequest.Have(root=root, digests=digests)
    return StreamExportRequest(ej_id=1, dataset=types.DATASET_PATIENTS, have=have)


def _refused_unary(message: requests.UnaryRequest) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        requests.unary(message, Dataset.VENUES)
    return [violation.field for violation in caught.value.violations]


def _refused_stream(message: StreamExportRequest) -> list[str]:
    with pytest.raises(InvalidRequestError) as caught:
        requests.stream(message)
    return [violation.field for violation in caught.value.violations]


def test_a_unary_request_has_defaults() -> None:
    wanted = requests.unary(ExportPatientsRequest(ej_id=7), Dataset.PATIENTS)
    request = ExportRequest(7, Dataset.PATIENTS, Format.BUNDLE, form="json")
    assert wanted == requests.ValidRequest(request, zstd=False)


def test_a_stream_request_has_defaults() -> None:
    wanted = requests.stream(StreamExportRequest(ej_id=7, dataset=types.DATASET_STRUCTURE))
    assert wanted == requests.ValidRequest(ExportRequest(7, Dataset.STRUCTURE, Format.NDJSON), zstd=False)


def test_a_request_is_read_whole() -> None:
    message = StreamExportRequest(
        ej_id=2**63 - 1,
        dataset=types.DATASET_VENUES,
        format=types.FORMAT_TRANSACTION,
        if_none_match='"5f2c8a"',
        consistency=_at_least("r1"),
        accept_encodings=[types.ENCODING_UNSPECIFIED, types.ENCODING_IDENTITY, types.ENCODING_ZSTD],
        detail=types.VENUE_DETAIL_MOVEMENTS,
    )
    asked = ExportRequest(
        2**63 - 1, Dataset.VENUES, Format.TRANSACTION, Detail.MOVEMENTS, AtLeast("r1"), "5f2c8a"
    )
    assert requests.stream(message) == requests.ValidRequest(asked, zstd=True)


@pytest.mark.parametrize(
    ("message", "consistency"),
    [
        (types.Consistency(), Strict()),
        (_staleness(0), MaxStaleness(0)),
        (_staleness(86_400), MaxStaleness(86_400)),
        (_staleness(1, 500_000_000), MaxStaleness(1.5)),
        (_at_least("r1"), AtLeast("r1")),
        (_bypass(wanted=True), Bypass()),
    ],
)
def test_a_consistency_is_read(message: types.Consistency, consistency: Consistency) -> None:
    wanted = requests.unary(ExportPatientsRequest(ej_id=1, consistency=message), Dataset.PATIENTS)
    assert wanted.request.consistency == consistency


@pytest.mark.parametrize("text", ['"5f2c8a"', "5f2c8a", 'W/"5f2c8a"', "W/5f2c8a"])
def test_an_etag_is_read_with_or_without_its_quotes(text: str) -> None:
    wanted = requests.unary(ExportPatientsRequest(ej_id=1, if_none_match=text), Dataset.PATIENTS)
    assert wanted.request.if_none_match == "5f2c8a"


@pytest.mark.parametrize(
    "text", ["*", 'W/"', '"', '""', "W/", '"a", "b"', '"a" ', "a b", "é", "a\x00", '"a', "x" * 129, '"*"']
)
def test_what_is_not_one_etag_is_refused(text: str) -> None:
    assert _refused_unary(ExportVenuesRequest(ej_id=1, if_none_match=text)) == ["if_none_match"]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (ExportVenuesRequest(), "ej_id"),
        (ExportVenuesRequest(ej_id=-1), "ej_id"),
        (ExportVenuesRequest(ej_id=1, format=UNKNOWN), "format"),  # type: ignore[arg-type]  # on purpose
        (ExportVenuesRequest(ej_id=1, detail=UNKNOWN), "detail"),  # type: ignore[arg-type]  # the same
        (ExportVenuesRequest(ej_id=1, consistency=_staleness(-1)), "consistency.max_staleness"),
        (ExportVenuesRequest(ej_id=1, consistency=_staleness(0, -1)), "consistency.max_staleness"),
        (ExportVenuesRequest(ej_id=1, consistency=_staleness(1, -1)), "consistency.max_staleness"),
        (ExportVenuesRequest(ej_id=1, consistency=_staleness(86_400, 1)), "consistency.max_staleness"),
        (ExportVenuesRequest(ej_id=1, consistency=_staleness(2**62)), "consistency.max_staleness"),
        (ExportVenuesRequest(ej_id=1, consistency=_staleness(0, 10**9)), "consistency.max_staleness"),
        (ExportVenuesRequest(ej_id=1, consistency=_at_least("")), "consistency.at_least"),
        (ExportVenuesRequest(ej_id=1, consistency=_at_least("r" * 513)), "consistency.at_least"),
        (ExportVenuesRequest(ej_id=1, consistency=_bypass(wanted=False)), "consistency.bypass_cache"),
        (ExportVenuesRequest(ej_id=1, accept_encodings=[UNKNOWN]), "accept_encodings[0]"),  # type: ignore[list-item]  # the same
        (ExportVenuesRequest(ej_id=1, accept_encodings=[types.ENCODING_ZSTD] * 11), "accept_encodings"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(message: requests.UnaryRequest, field: str) -> None:
    assert _refused_unary(message) == [field]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (StreamExportRequest(ej_id=1), "dataset"),
        (StreamExportRequest(ej_id=1, dataset=UNKNOWN), "dataset"),  # type: ignore[arg-type]  # unknown on purpose
        (
            StreamExportRequest(ej_id=1, dataset=types.DATASET_PATIENTS, detail=types.VENUE_DETAIL_SUMMARY),
            "detail",
        ),
        (_having(root=CANARY), "have.root"),
        (_having(root="AB" * 32), "have.root"),
        (_having(root="ab" * 33), "have.root"),
        (_having(digests=[b"d" * 32, b"d" * 31]), "have.digests[1]"),
        (_having(digests=[b""]), "have.digests[0]"),
        (_having(root="ab" * 32, digests=[b"d" * 32]), "have"),
        (_having(digests=[b"d" * 32] * 100_001), "have.digests"),
    ],
)
def test_a_wrong_field_of_a_stream_is_named(message: StreamExportRequest, field: str) -> None:
    assert _refused_stream(message) == [field]


def test_what_a_caller_has_may_be_left_out() -> None:
    request = requests.stream(StreamExportRequest(ej_id=1, dataset=types.DATASET_PATIENTS)).request
    assert request.have == Have()


def test_what_a_caller_has_is_named_by_its_root_or_by_its_digests() -> None:
    assert requests.stream(_having(root="ab" * 32)).request.have == Have(b"\xab" * 32)
    digests = [number.to_bytes(32) for number in range(100_000)]
    have = requests.stream(_having(digests=digests)).request.have
    assert have == Have(digests=tuple(digests))
    assert have.positions[digests[99_999]] == 99_999


def test_everything_that_is_wrong_is_told_at_once_and_never_repeated() -> None:
    message = StreamExportRequest(
        if_none_match=f"{CANARY} *",
        consistency=_at_least(CANARY * 100),
        have=StreamExportRequest.Have(root=CANARY),
    )
    with pytest.raises(InvalidRequestError) as caught:
        requests.stream(message)
    fields = {violation.field for violation in caught.value.violations}
    assert fields == {"ej_id", "dataset", "if_none_match", "consistency.at_least", "have.root"}
    assert not any(CANARY in violation.description for violation in caught.value.violations)


def test_a_page_has_defaults() -> None:
    assert pages.page(ListLegalEntitiesRequest()) == pages.Page(None, 0, 100)


@pytest.mark.parametrize("finess", ["", "750712184"])
def test_a_page_token_goes_on_after_its_page(finess: str) -> None:
    first = pages.page(ListLegalEntitiesRequest(finess=finess, page_size=5))
    token = first.next_token(42)
    following = pages.page(ListLegalEntitiesRequest(finess=finess, page_size=1000, page_token=token))
    assert following == pages.Page(finess or None, 42, 1000)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (ListLegalEntitiesRequest(page_size=-1), "page_size"),
        (ListLegalEntitiesRequest(page_size=1001), "page_size"),
        (ListLegalEntitiesRequest(finess="75071218"), "finess"),
        (ListLegalEntitiesRequest(finess="75071218é"), "finess"),
    ],
)
def test_a_wrong_field_of_a_page_is_named(message: ListLegalEntitiesRequest, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        pages.page(message)
    assert [violation.field for violation in caught.value.violations] == [field]


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "é",
        "A" * 65,
        pages.Page("750712184", 0, 1).next_token(1),
        pages.Page(None, 0, 1).next_token(1) + "=",
        pages.Page(None, 0, 1).next_token(2**63),
        pages.Page(None, 0, 1).next_token(-1),
    ],
    ids=["short", "not_ascii", "long", "of_another_query", "padded", "too_large_id", "negative_id"],
)
def test_what_is_not_a_page_token_of_this_query_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        pages.page(ListLegalEntitiesRequest(page_token=text))
    assert [violation.field for violation in caught.value.violations] == ["page_token"]


@given(st.binary(max_size=200))
def test_no_bytes_at_all_are_a_bug(raw: bytes) -> None:
    try:
        message = StreamExportRequest.FromString(raw)
        wanted = requests.stream(message)
    except (DecodeError, InvalidRequestError):
        return
    assert wanted.request.ej_id > 0


@given(
    st.builds(
        StreamExportRequest,
        ej_id=st.integers(-1, 2**63 - 1),
        dataset=st.integers(-(2**31), 2**31 - 1) | st.integers(0, 4),
        format=st.integers(0, 4),
        detail=st.integers(0, 3),
        if_none_match=st.text(max_size=130),
        consistency=st.builds(_staleness, st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1))
        | st.builds(_at_least, st.text(max_size=600)),
        accept_encodings=st.lists(st.integers(0, 3), max_size=12),
    )
)
def test_no_message_at_all_is_a_bug(message: StreamExportRequest) -> None:
    try:
        wanted = requests.stream(message)
    except InvalidRequestError as error:
        assert error.violations  # noqa: PT017 - raising is one of two right outcomes
        return
    assert wanted.request.ej_id == message.ej_id
