"""Shows how refusals look over HTTP: JSON, the code that fits, and the details that gRPC callers get."""

from typing import Any

import pytest
from support.envoy import Envoy

INFO = "type.googleapis.com/google.rpc.ErrorInfo"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def _info(reason: str, **metadata: str) -> dict[str, Any]:
    metadata = {**metadata, "request_id": "r7"}
    return {"@type": INFO, "reason": reason, "domain": "fhirexport", "metadata": metadata}


async def test_an_unknown_ej_is_404_with_its_error_info(shared_envoy: Envoy) -> None:
    answer = await shared_envoy.ask("/api/fhir/export/patients/7", x_request_id="r7")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert answer.json == {
        "code": 5,
        "message": "there is no legal entity (EJ) 7; ListLegalEntities lists those there are",
        "details": [_info("EJ_NOT_FOUND", ej_id="7")],
    }


async def test_a_stream_that_is_refused_is_too(shared_envoy: Envoy) -> None:
    answer = await shared_envoy.ask("/api/fhir/stream/DATASET_PATIENTS/7", x_request_id="r7")
    assert (answer.status, answer.json["details"]) == (404, [_info("EJ_NOT_FOUND", ej_id="7")])


async def test_a_field_that_is_wrong_is_400_and_named(shared_envoy: Envoy) -> None:
    answer = await shared_envoy.ask("/api/fhir/entities?page_size=-3", x_request_id="r7")
    assert answer.status == 400
    violation = {"field": "page_size", "description": "must be from 1 to 1000, or left out"}
    assert answer.json["details"] == [
        _info("INVALID_FIELD"),
        {"@type": BAD_REQUEST, "field_violations": [violation]},
    ]


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        ("/api/nope", 404, 5, "Could not resolve /api/nope to a method. The paths are in docs/http.md."),
        (
            "/api/fhir/entities?nope=1",
            400,
            3,
            'Could not find field "nope" in the type "fhirexport.v1.ListLegalEntitiesRequest".',
        ),
        ("/api/fhir/export/patients/one", 400, 3, 'ej_id: invalid value "one" for type TYPE_INT64'),
        (
            "/api/fhir/stream/patients/1",
            400,
            3,
            'dataset: invalid value "patients" for type type.googleapis.com/fhirexport.v1.Dataset',
        ),
    ],
    ids=["path", "parameter", "number", "enum"],
)
async def test_what_envoy_cannot_map_is_refused_in_the_same_shape(
    path: str, status: int, code: int, message: str, shared_envoy: Envoy
) -> None:
    answer = await shared_envoy.ask(path, x_request_id="r7")
    assert (answer.status, answer.headers["content-type"]) == (status, "application/json")
    assert answer.headers["x-request-id"] == "r7"
    assert answer.json == {"code": code, "message": message, "details": []}


async def test_the_wrong_verb_is_refused(shared_envoy: Envoy) -> None:
    assert (await shared_envoy.ask("/api/cache/flush")).status == 404
    assert (await shared_envoy.ask("/api/fhir/entities", method="POST")).status == 404


async def test_an_import_that_cannot_be_read_is_not_quoted(shared_envoy: Envoy) -> None:
    answer = await shared_envoy.ask("/api/fhir/import/bundle", method="POST", body="MARTIN ANNE")
    assert answer.status == 400
    assert answer.json == {
        "code": 3,
        "message": "The body is not an ImportBundleRequest in JSON.",
        "details": [],
    }


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/fhir/entities"), ("POST", "/api/cache/flush")])
async def test_another_sites_page_is_refused(method: str, path: str, shared_envoy: Envoy) -> None:
    answer = await shared_envoy.ask(path, method=method, origin="https://elsewhere.example")
    assert answer.status == 403
    assert answer.json == {"code": 7, "message": "Web pages may not use this API.", "details": []}


async def test_a_name_that_is_made_to_point_here_is_refused(shared_envoy: Envoy) -> None:
    answer = await shared_envoy.ask("/api/fhir/entities", host="elsewhere.example")
    assert answer.status == 404
    assert answer.json == {
        "code": 5,
        "message": "This is not a host name that is served here: use localhost.",
        "details": [],
    }
