"""Shows that exports over HTTP are the ones that gRPC gives, whatever their size."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ExportPatientsRequest, ExportStructureRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.domain.rows import Batch
from fhirexport_server.store.loader import load
from sqlalchemy import text
from support.envoy import Envoy, running_envoy
from support.rows import writing
from support.server import running_server, wait_for_health

MEBIBYTE = 1024 * 1024
# Protobuf's JSON writes each of these as six characters.
LONGEST_IN_JSON = "<" * 100


async def test_an_export_has_the_names_that_scripts_rely_on(envoy: Envoy) -> None:
    answer = await envoy.ask("/api/fhir/export/structure/1")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    snapshot = answer.json["snapshot"]
    assert (snapshot["source"], snapshot["resource_count"]) == ("SOURCE_DATABASE", 3)
    assert json.loads(answer.json["json"])["resourceType"] == "Bundle"
    assert answer.headers["cache-status"].startswith("fhirexport; fwd=miss")


async def test_its_text_is_what_grpc_gives_on_the_same_port(envoy: Envoy) -> None:
    answer = await envoy.ask("/api/fhir/export/structure/1")
    async with grpc.aio.insecure_channel(envoy.address) as channel:
        export = await ExportServiceStub(channel).ExportStructure(ExportStructureRequest(ej_id=1))
    assert answer.json["json"] == export.json
    assert answer.json["snapshot"]["etag"] == export.snapshot.etag


async def test_parameters_of_the_query_are_fields_of_the_request(envoy: Envoy) -> None:
    path = "/api/fhir/export/structure/1?format=FORMAT_NDJSON"
    first = await envoy.ask(path)
    assert [json.loads(line)["resourceType"] for line in first.json["json"].splitlines()] == [
        "Organization",
        "Organization",
        "Location",
    ]
    fresh = await envoy.ask(f"{path}&consistency.bypass_cache=true")
    assert fresh.headers["cache-status"].startswith("fhirexport; fwd=bypass")
    etag = first.json["snapshot"]["etag"].strip('"')
    again = await envoy.ask(f"{path}&if_none_match={etag}")
    assert again.json["not_modified"] is True
    assert "json" not in again.json


async def test_the_request_id_goes_in_and_comes_out(envoy: Envoy) -> None:
    given = await envoy.ask("/api/fhir/entities", x_request_id="7b61f2c4-0000-1000-8000-000000000000")
    assert given.headers["x-request-id"] == "7b61f2c4-0000-1000-8000-000000000000"
    made = await envoy.ask("/api/fhir/export/structure/7")
    assert made.headers["x-request-id"] == made.json["details"][0]["metadata"]["request_id"]


@pytest.mark.long
async def test_the_largest_message_comes_through(new_small: Callable[[str], str], tmp_path: Path) -> None:
    url = new_small("sqlite")
    patient = {"ej_id": 1, "birth_family": LONGEST_IN_JSON, "first_given": LONGEST_IN_JSON}
    load(url, [Batch("patient", [{"id": number, **patient} for number in range(2, 5900)])])
    async with running_server(url) as server:
        await wait_for_health(server)
        async with running_envoy(tmp_path, server) as envoy:
            answer = await envoy.ask("/api/fhir/export/patients/1")
        async with grpc.aio.insecure_channel(server) as channel:
            export = await ExportServiceStub(channel).ExportPatients(ExportPatientsRequest(ej_id=1))
    assert answer.status == 200
    assert 2.9 * MEBIBYTE < int(answer.json["snapshot"]["size_bytes"]) <= 3 * MEBIBYTE
    assert len(answer.text) > 8 * MEBIBYTE
    assert answer.json["json"] == export.json


async def test_a_stream_is_one_event_a_line(new_group: Callable[[str, int], str], tmp_path: Path) -> None:
    url = new_group("sqlite", 1000)
    async with running_server(url) as server:
        await wait_for_health(server)
        async with running_envoy(tmp_path, server) as envoy:
            answer = await envoy.ask("/api/fhir/stream/DATASET_PATIENTS/1")
            whole = await envoy.ask("/api/fhir/export/patients/1?format=FORMAT_NDJSON")
    events = [json.loads(line) for line in answer.text.splitlines()]
    content = "".join(event["chunk"]["json"] for event in events[1:-1])
    assert len(events) > 5
    assert content == whole.json["json"]
    assert events[0]["started"]["etag"] == whole.json["snapshot"]["etag"]
    assert events[-1]["finished"]["sha256"] == hashlib.sha256(content.encode()).hexdigest()


async def test_a_stream_that_fails_on_its_way_lacks_its_last_line(
    new_group: Callable[[str, int], str], tmp_path: Path
) -> None:
    url = new_group("sqlite", 1000)
    with writing(url) as connection:
        connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        connection.execute(
            text("UPDATE venue SET patient_class = 'Z' WHERE id = (SELECT max(id) FROM venue)")
        )
        (ej_id,) = connection.execute(text("SELECT ej_id FROM venue WHERE patient_class = 'Z'")).one()
    async with running_server(url) as server:
        await wait_for_health(server)
        async with running_envoy(tmp_path, server) as envoy:
            answer = await envoy.ask(f"/api/fhir/stream/DATASET_VENUES/{ej_id}")
    assert answer.status == 200
    kinds = [next(iter(json.loads(line))) for line in answer.text.splitlines()]
    assert kinds[0] == "started"
    assert set(kinds[1:]) <= {"chunk"}
