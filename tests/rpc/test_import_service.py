"""Shows ImportService over a real socket: what it answers, what it refuses, and how it says so."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import grpc
import pytest
from fhirexport.v1 import import_service_pb2 as pb
from fhirexport.v1 import types_pb2
from fhirexport.v1.export_service_pb2 import ExportStructureRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from google.rpc.error_details_pb2 import ErrorInfo
from structlog.testing import capture_logs
from support.server import running_server
from support.status import Refused, refused

EJ_ID = 1


class Stubs:
    """The stubs of one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.imports = ImportServiceStub(channel)
        self.exports = ExportServiceStub(channel)

    async def bundle(self, content: object, **options: object) -> pb.ImportSummary:
        text = content if isinstance(content, str) else json.dumps(content)
        request = pb.ImportBundleRequest(options=pb.ImportOptions(**options), bundle=text)  # type: ignore[arg-type]  # as a test has them
        answer: pb.ImportBundleResponse = await self.imports.ImportBundle(request)
        return answer.summary

    async def stream(self, *messages: pb.ImportResourcesRequest) -> pb.ImportSummary:
        answer: pb.ImportResourcesResponse = await self.imports.ImportResources(iter(messages))
        return answer.summary

    async def structure(self, **fields: object) -> list[dict[str, object]]:
        request = ExportStructureRequest(ej_id=EJ_ID, format=types_pb2.FORMAT_NDJSON, **fields)  # type: ignore[arg-type]  # as above
        answer = await self.exports.ExportStructure(request)
        return [json.loads(line) for line in answer.json.splitlines()]


@pytest.fixture
def url(backend: str, new_group: Callable[[str, int], str]) -> str:
    return new_group(backend, 20)


@asynccontextmanager
async def serving(url: str) -> AsyncIterator[Stubs]:
    async with running_server(url) as address, grpc.aio.insecure_channel(address) as channel:
        yield Stubs(channel)


async def _refusal(call: object) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]  # a coroutine
    return refused(caught.value)


def _bundle(type_: str, *resources: dict[str, object]) -> dict[str, object]:
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": type_, "entry": entries}


def _messages(options: pb.ImportOptions, content: bytes, size: int) -> Iterator[pb.ImportResourcesRequest]:
    yield pb.ImportResourcesRequest(options=options)
    for start in range(0, len(content), size):
        yield pb.ImportResourcesRequest(chunk=content[start : start + size])


async def test_an_export_at_least_as_new_as_the_import_contains_it(url: str) -> None:
    async with serving(url) as stubs:
        service = next(one for one in await stubs.structure() if str(one["id"]).startswith("service"))

        summary = await stubs.bundle(_bundle("transaction", service | {"name": "Renamed"}), ej_id=EJ_ID)

        assert (summary.created_count, summary.updated_count, summary.unchanged_count) == (0, 1, 0)
        assert summary.HasField("commit_time")
        assert {one.dataset for one in summary.revisions} == {
            types_pb2.DATASET_STRUCTURE,
            types_pb2.DATASET_VENUES,
        }
        (revision,) = [one for one in summary.revisions if one.dataset == types_pb2.DATASET_STRUCTURE]
        consistency = types_pb2.Consistency(at_least=revision.revision)
        assert service | {"name": "Renamed"} in await stubs.structure(consistency=consistency)


@pytest.mark.parametrize("size", [7, 1000, 1 << 20])
@pytest.mark.long
async def test_resources_come_in_chunks_cut_anywhere(url: str, size: int) -> None:
    async with serving(url) as stubs:
        resources = (await stubs.structure())[:30]
        content = "".join(json.dumps(one | {"name": "É" + str(one["name"])[:50]}) + "\n" for one in resources)

        summary = await stubs.stream(*_messages(pb.ImportOptions(ej_id=EJ_ID), content.encode(), size))

        assert (summary.updated_count, summary.error_count) == (len(resources), 0)
        assert {str(one["name"])[0] for one in (await stubs.structure())[:30]} == {"É"}


async def test_what_is_wrong_is_said_with_its_place_and_one_error_info(url: str) -> None:
    async with serving(url) as stubs:
        service = next(one for one in await stubs.structure() if str(one["id"]).startswith("service"))
        wrong = service | {"active": "yes", "colour": "blue"}

        found = await _refusal(stubs.bundle(_bundle("transaction", wrong), ej_id=EJ_ID))
        assert (found.code, found.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
        assert list(found.violations) == ["Bundle.entry[0].resource.active"]

        for summary in (
            await stubs.bundle(_bundle("batch", wrong), ej_id=EJ_ID),
            await stubs.bundle(_bundle("transaction", wrong), ej_id=EJ_ID, validate_only=True),
        ):
            error, warning = summary.outcomes
            assert (error.entry_index, error.expression) == (0, "Bundle.entry[0].resource.active")
            assert (error.severity, error.status.code) == (pb.ImportOutcome.SEVERITY_ERROR, 3)
            (detail,) = error.status.details
            info = ErrorInfo()
            assert detail.Unpack(info)
            assert info.reason == "INVALID_FIELD"
            assert (warning.severity, warning.status.code) == (pb.ImportOutcome.SEVERITY_WARNING, 0)
            assert (summary.error_count, summary.warning_count) == (1, 1)
            assert not summary.HasField("commit_time")


OPTIONS: Sequence[tuple[dict[str, object], str]] = (
    ({"ej_id": -1}, "options.ej_id"),
    ({"request_id": "7"}, "options.request_id"),
    ({"request_id": "g" * 36}, "options.request_id"),
    ({"if_revision": "x"}, "options.if_revision"),
    ({"if_revision": "x" * 10_000}, "options.if_revision"),
)
BUNDLES = (
    ("", "bundle"),
    ("{", "bundle"),
    ("[]", "Bundle"),
    ('{"resourceType": "Bundle", "type": "searchset"}', "Bundle.type"),
    ('{"resourceType": "Patient"}', "Bundle.resourceType"),
    ('{"a": ' + "[" * 70 + "]" * 70 + "}", "bundle"),
    ('{"a": "\\u0000"}', "bundle"),
    ('{"a": "\\ud800"}', "bundle"),
    ('{"a": 1e400}', "bundle"),
    ('{"a": 1, "a": 1}', "bundle"),
    (" " * (8 * 1024 * 1024 + 1), "bundle"),
)


@pytest.mark.parametrize(("options", "field"), OPTIONS)
async def test_wrong_options_are_refused(small_url: str, options: dict[str, object], field: str) -> None:
    async with running_server(small_url) as address, grpc.aio.insecure_channel(address) as channel:
        stubs = Stubs(channel)
        found = await _refusal(stubs.bundle("{}", **options))
        assert (found.code, found.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
        assert list(found.violations) == [field]
        message = pb.ImportResourcesRequest(options=pb.ImportOptions(**options))  # type: ignore[arg-type]  # as above
        found = await _refusal(stubs.stream(message))
        assert list(found.violations) == [field]


@pytest.mark.parametrize(("text", "field"), BUNDLES, ids=range(len(BUNDLES)))
async def test_what_is_no_bundle_is_refused(small_url: str, text: str, field: str) -> None:
    async with running_server(small_url) as address, grpc.aio.insecure_channel(address) as channel:
        found = await _refusal(Stubs(channel).bundle(text, ej_id=EJ_ID))
    assert (found.code, found.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert next(iter(found.violations)) == field


_OPTIONS = pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=EJ_ID))
_CHUNK = pb.ImportResourcesRequest(chunk=b"{}\n")
STREAMS = (
    ((), "options"),
    ((_CHUNK,), "options"),
    ((_OPTIONS,), "chunk"),
    ((_OPTIONS, _OPTIONS), "options"),
    ((_OPTIONS, _CHUNK, _OPTIONS), "options"),
    ((_OPTIONS, pb.ImportResourcesRequest()), "chunk"),
    ((_OPTIONS, pb.ImportResourcesRequest(chunk=b"")), "chunk"),
)


@pytest.mark.parametrize(("messages", "field"), STREAMS, ids=range(len(STREAMS)))
async def test_streams_that_are_none_are_refused(
    small_url: str, messages: Sequence[pb.ImportResourcesRequest], field: str
) -> None:
    async with running_server(small_url) as address, grpc.aio.insecure_channel(address) as channel:
        found = await _refusal(Stubs(channel).stream(*messages))
    assert (found.code, list(found.violations)) == ("INVALID_ARGUMENT", [field])


async def test_an_ej_that_is_not_there_is_said(small_url: str) -> None:
    async with running_server(small_url) as address, grpc.aio.insecure_channel(address) as channel:
        stubs = Stubs(channel)
        found = await _refusal(stubs.bundle(_bundle("transaction"), ej_id=99))
        assert (found.code, found.reason, found.metadata["ej_id"]) == ("NOT_FOUND", "EJ_NOT_FOUND", "99")
        found = await _refusal(stubs.bundle(_bundle("transaction")))
        assert list(found.violations) == ["options.ej_id"]


async def test_a_request_id_is_answered_once(url: str) -> None:
    async with serving(url) as stubs:
        service = next(one for one in await stubs.structure() if str(one["id"]).startswith("service"))
        bundle, request_id = _bundle("transaction", service | {"name": "Renamed"}), str(uuid4())

        first = await stubs.bundle(bundle, ej_id=EJ_ID, request_id=request_id)
        again = await stubs.bundle(bundle, ej_id=EJ_ID, request_id=request_id.upper())
        assert again == first
        assert (await stubs.bundle(bundle, ej_id=EJ_ID)).unchanged_count == 1

        found = await _refusal(
            stubs.bundle(_bundle("transaction", service), ej_id=EJ_ID, request_id=request_id)
        )
        assert (found.code, found.reason) == ("FAILED_PRECONDITION", "REQUEST_ID_REUSED")


async def test_a_revision_that_has_moved_on_is_said(url: str) -> None:
    async with serving(url) as stubs:
        service = next(one for one in await stubs.structure() if str(one["id"]).startswith("service"))
        answer = await stubs.exports.ExportStructure(ExportStructureRequest(ej_id=EJ_ID))
        seen = answer.snapshot.revision

        first = await stubs.bundle(
            _bundle("transaction", service | {"name": "One"}), ej_id=EJ_ID, if_revision=seen
        )
        found = await _refusal(
            stubs.bundle(_bundle("transaction", service | {"name": "Two"}), ej_id=EJ_ID, if_revision=seen)
        )

        assert (found.code, found.reason) == ("ABORTED", "REVISION_CHANGED")
        assert found.metadata["revision"] == first.revisions[0].revision
        assert service | {"name": "One"} in await stubs.structure()


async def test_the_log_says_how_many_and_of_whom_never_what(url: str) -> None:
    with capture_logs() as lines:
        async with serving(url) as stubs:
            service = next(one for one in await stubs.structure() if str(one["id"]).startswith("service"))
            named = service | {"name": "Zeuxippe"}
            await stubs.bundle(_bundle("transaction", named), ej_id=EJ_ID)
            await stubs.bundle(_bundle("batch", named | {"active": "Zeuxippe"}), ej_id=EJ_ID)
    written, refused_ = [
        {name: line.get(name) for name in ("ej_id", "created", "updated", "unchanged", "errors")}
        for line in lines
        if line["event"] == "call" and str(line["rpc"]).endswith("ImportBundle")
    ]
    assert written == {"ej_id": EJ_ID, "created": 0, "updated": 1, "unchanged": 0, "errors": 0}
    assert refused_ == {"ej_id": EJ_ID, "created": 0, "updated": 0, "unchanged": 0, "errors": 1}
    assert "Zeuxippe" not in str(lines)
