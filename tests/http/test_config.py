"""Shows that what is shipped for Envoy is valid, and that it knows the API as it is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fhirexport.v1 import cache_admin_pb2, export_service_pb2, import_service_pb2
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.settings import Settings
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from support.envoy import CONFIG, ENVOY, ROOT, Envoy
from support.http2 import connected

METHODS: list[MethodDescriptor] = [
    method
    for file in (cache_admin_pb2, export_service_pb2, import_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
VALUES = {"{ej_id}": "1", "{dataset}": "DATASET_PATIENTS"}
NOT_BY_HTTP = {"fhirexport.v1.ImportService.ImportResources"}


def _rules() -> Iterator[tuple[str, str, str]]:
    for method in METHODS:
        rule = method.GetOptions().Extensions[annotations_pb2.http]
        for verb in ("get", "post"):
            if path := getattr(rule, verb):
                yield method.full_name, verb.upper(), re.sub(r"\{\w+\}", lambda found: VALUES[found[0]], path)


RULES = list(_rules())


def test_the_shipped_configuration_is_valid() -> None:
    validated = subprocess.run(
        [ENVOY, "--mode", "validate", "-c", CONFIG], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert validated.returncode == 0, validated.stderr
    assert "OK" in validated.stdout + validated.stderr


def test_the_descriptor_set_is_that_of_the_protos(tmp_path: Path) -> None:
    made = tmp_path / "made.binpb"
    subprocess.run([sys.executable, ROOT / "deploy" / "descriptors.py", made], check=True)
    assert (ROOT / "deploy" / "fhirexport.binpb").read_bytes() == made.read_bytes(), "run `make proto`"


def test_all_methods_but_one_have_a_path() -> None:
    assert {method.full_name for method in METHODS} - {name for name, _, _ in RULES} == NOT_BY_HTTP


@pytest.mark.parametrize(("name", "verb", "path"), RULES, ids=[name for name, _, _ in RULES])
async def test_a_path_reaches_the_server(name: str, verb: str, path: str, shared_envoy: Envoy) -> None:
    answer = await shared_envoy.ask(path, method=verb, x_request_id="r7")
    assert answer.headers["x-request-id"] == "r7"
    if answer.status != 200:
        # Envoy's own refusals have no details.
        assert answer.json["details"], name


@pytest.mark.parametrize(
    "method",
    [method for method in METHODS if method.client_streaming or method.server_streaming],
    ids=lambda method: method.name,
)
def test_a_method_that_streams_has_the_time_of_a_stream(method: MethodDescriptor) -> None:
    path = f"/{method.containing_service.full_name}/{method.name}"
    routes = CONFIG.read_text().split("- match: ")
    assert [route.count("timeout: 930s") for route in routes if path in route] == [1]


def test_envoy_is_a_little_more_patient_than_the_server() -> None:
    limits = Limits(stream_seconds=Settings.model_fields["rendering_timeout"].default)
    seconds = {
        "/fhirexport.v1.ImportService/ImportBundle": limits.import_seconds,
        "/fhirexport.v1.ExportService/StreamExport": limits.stream_seconds,
        "/fhirexport.v1.ExportService/WatchExports": limits.watch_seconds,
        "{prefix: /fhirexport.}": limits.unary_seconds,
    }
    routes = CONFIG.read_text().split("- match: ")
    for path, longest in seconds.items():
        (route,) = [route for route in routes if path in route.partition("\n")[0]]
        timeout = re.search(r"timeout: (\d+)s", route)
        assert timeout is not None
        assert longest < int(timeout[1]) <= longest + 30
    idle = re.search(r"stream_idle_timeout: (\d+)s", CONFIG.read_text())
    assert idle is not None
    assert int(idle[1]) > limits.stream_seconds


def test_a_name_that_envoy_does_not_know_is_found_out(tmp_path: Path) -> None:
    unknown = tmp_path / "envoy.yaml"
    unknown.write_text(CONFIG.read_text().replace("stream_idle_timeout:", "streams_idle_timeout:"))
    validated = subprocess.run(
        [ENVOY, "--mode", "validate", "-c", unknown], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert validated.returncode != 0
    assert "streams_idle_timeout" in validated.stdout + validated.stderr


async def test_a_client_of_envoy_may_ping_as_it_likes(shared_envoy: Envoy) -> None:
    async with connected(shared_envoy.port) as peer:
        assert [await peer.pinged() for _ in range(20)] == [True] * 20
