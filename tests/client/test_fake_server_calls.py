"""Shows what else the server for the tests of others takes: calls of other programs, and imports."""

import json
import subprocess
import sys
from collections.abc import Iterator

import grpc
import pytest
from fhirexport import (
    AsyncClient,
    ConflictError,
    InvalidArgumentError,
)
from fhirexport.testing import FakeServer
from fhirexport.testing.content import Resources
from fhirexport.v1 import export_service_pb2, types_pb2
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub

PATIENTS = [{"resourceType": "Patient", "id": f"pat-{n}"} for n in range(5)]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(chunk_resources=2) as server:
        yield server


def _lines(resources: list[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in resources)


def test_other_callers_have_exports_in_one_message(server: FakeServer) -> None:
    server.put(1, "patients", PATIENTS)
    request = export_service_pb2.ExportPatientsRequest(ej_id=1, format=types_pb2.FORMAT_NDJSON)
    with grpc.insecure_channel(server.address) as channel:
        stub = ExportServiceStub(channel)
        answer = stub.ExportPatients(request)
        assert answer.json.encode() == _lines(PATIENTS)
        request.if_none_match = answer.snapshot.etag
        assert stub.ExportPatients(request).not_modified
        server.put(1, "patients", [{**PATIENTS[0], "text": "x" * 3_200_000}])
        with pytest.raises(grpc.RpcError) as caught:
            stub.ExportPatients(request)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_imports_are_there_to_be_looked_at(server: FakeServer) -> None:
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": PATIENTS[0]}]}
    async with AsyncClient(server.address, metadata={"x-request-id": "mine"}) as client:
        summary = await client.imports.resources(_lines(PATIENTS), ej_id=1)
        assert (summary.created_count, summary.problems) == (5, ())
        await client.imports.bundle(json.dumps(bundle), validate_only=True, if_revision="r")
        server.fail("REVISION_CHANGED", method="ImportBundle")
        with pytest.raises(ConflictError):
            await client.imports.bundle(json.dumps(bundle))
        with pytest.raises(InvalidArgumentError):
            await client.imports.resources(b"{")
    first, second = server.imports
    assert (first.ej_id, list(first.resources), first.validate_only) == (1, PATIENTS, False)
    assert (second.ej_id, list(second.resources), second.if_revision) == (0, PATIENTS[:1], "r")
    assert second.validate_only
    methods = ["ImportResources", "ImportBundle", "ImportBundle", "ImportResources"]
    assert [call.method for call in server.calls] == methods
    assert {call.metadata["x-request-id"] for call in server.calls} == {"mine"}


@pytest.mark.parametrize("resources", [b"[]", b'{"id": "pat-1"}', [{"id": "pat-1"}]])
def test_what_is_no_resource_is_refused(resources: Resources, server: FakeServer) -> None:
    with pytest.raises(ValueError, match="resource 1 has no resourceType"):
        server.put(1, "patients", resources)


def test_there_are_no_other_datasets(server: FakeServer) -> None:
    with pytest.raises(ValueError, match="there is no dataset 'staff'"):
        server.put(1, "staff", PATIENTS)  # type: ignore[arg-type]


def test_the_library_does_without_it() -> None:
    program = "from fhirexport import *; import sys; print('fhirexport.testing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
