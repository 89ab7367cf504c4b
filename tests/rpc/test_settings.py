"""Shows what each setting accepts, and that the documentation has them all."""

import re
from pathlib import Path

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.settings import Settings
from fhirexport_server.wrong_settings import misspelt, problems
from pydantic import ValidationError

ROOT = Path(__file__).parents[2]
WAYS = "one of TLS_CLIENT_CA, JWT_ISSUER and TOKENS_FILE"
REST = f"{WAYS}, POLICY_FILE, AUDIT_DIRECTORY"
pytestmark = pytest.mark.usefixtures("nowhere")


def _defaults() -> dict[str, str]:
    shown = Settings().public()
    return {
        name: str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
        for name, value in shown.items()
    }


def _same(text: str, default: str) -> bool:
    return text == default or (default.endswith(".0") and text == default[:-2])


def test_the_documentation_has_every_setting_and_its_default() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*?)`)? ?\|", text, re.MULTILINE))
    assert documented.keys() == _defaults().keys()
    assert [name for name, default in _defaults().items() if not _same(documented[name], default)] == []


def test_the_example_has_every_setting_and_its_default() -> None:
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert example.keys() == _defaults().keys()
    assert [name for name, default in _defaults().items() if not _same(example[name], default)] == []


def test_the_example_can_be_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    assert Settings() == Settings.model_validate({})


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAX_RENDERINGS=7\nDRAIN_GRACE=8\nFHIREXPORT_ADDRESS=of-the-client\n")
    monkeypatch.setenv("DRAIN_GRACE", "9")
    monkeypatch.setenv("LOG_FILE", "")
    settings = Settings()
    assert (settings.max_renderings, settings.drain_grace, settings.log_file) == (7, 9.0, None)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:0", "127.1.2.3:50051", "[::1]:50051", "localhost:50051", "unix:/run/fhirexport.sock"],
)
def test_an_address_of_this_machine_is_accepted(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_ADDRESS", address)
    assert Settings().listen_address == address


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:50051", "[::]:50051", "192.0.2.1:50051", "[2001:db8::1]:50051", "export.example.org:50051"],
)
def test_an_address_that_others_can_reach_needs_to_be_wanted(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LISTEN_ADDRESS", address)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert [line.partition(":")[0] for line in problems(caught.value)] == ["LISTEN_ADDRESS"]
    assert f"set TLS_CERTIFICATE, TLS_KEY, {REST} as well" in problems(caught.value)[0]
    assert "INSECURE=true" in problems(caught.value)[0]
    monkeypatch.setenv("INSECURE", "true")
    assert Settings().listen_address == address


PAIR = {"tls_certificate": "server.pem", "tls_key": "key.pem"}
POLICY = {"policy_file": "policy.toml", "audit_directory": "audit"}
JWT = {"jwt_issuer": "https://issuer.test", "jwt_audience": "export", "jwt_jwks": "jwks.json"}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, {"LISTEN_ADDRESS": f"set TLS_CERTIFICATE, TLS_KEY, {REST} as well"}),
        (PAIR, {"LISTEN_ADDRESS": f"set {REST} as well"}),
        (PAIR | {"metrics_client_ca": "ca.pem"}, {"LISTEN_ADDRESS": f"set {REST} as well"}),
        (PAIR | {"tls_client_ca": "ca.pem"}, {"LISTEN_ADDRESS": "set POLICY_FILE, AUDIT_DIRECTORY as well"}),
        (
            PAIR | {"tls_client_ca": "ca.pem", "policy_file": "policy.toml"},
            {"LISTEN_ADDRESS": "set AUDIT_DIRECTORY as well"},
        ),
        (PAIR | {"tls_client_ca": "ca.pem"} | POLICY, {}),
        (PAIR | {"tls_client_ca": "ca.pem"} | POLICY | {"audit_directory": "off"}, {}),
        (PAIR | JWT | POLICY, {}),
        (PAIR | {"tokens_file": "tokens.toml"} | POLICY, {}),
        (PAIR | POLICY, {"POLICY_FILE": f"needs {WAYS}", "LISTEN_ADDRESS": f"set {WAYS} as well"}),
        (JWT | POLICY, {"LISTEN_ADDRESS": "set TLS_CERTIFICATE, TLS_KEY as well"}),
        (JWT | {"insecure": "true"}, {}),
        (PAIR | {"jwt_issuer": "x"} | POLICY, {"JWT_AUDIENCE": "must be set", "JWT_JWKS": "must be set"}),
        ({"insecure": "true"}, {}),
        (
            {"tls_certificate": "server.pem"},
            {"TLS_KEY": "must be", "LISTEN_ADDRESS": f"set {REST} as well"},
        ),
        (
            {"tls_key": "key.pem", "tls_client_ca": "ca.pem"},
            {
                "TLS_KEY": "needs TLS_CERTIFICATE",
                "TLS_CLIENT_CA": "needs TLS_CERTIFICATE",
                "LISTEN_ADDRESS": "set TLS_CERTIFICATE, POLICY_FILE, AUDIT_DIRECTORY as well",
            },
        ),
    ],
)
def test_an_address_that_others_can_reach_needs_tls_a_way_to_tell_callers_a_policy_and_an_audit(
    values: dict[str, str], told: dict[str, str]
) -> None:
    given = values | {"listen_address": "192.0.2.1:50051"}
    if not told:
        settings = Settings.model_validate(given)
        assert settings.insecure_addresses == (["LISTEN_ADDRESS"] if "insecure" in values else [])
        return
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(given)
    lines = dict(line.split(": ", 1) for line in problems(refused.value))
    assert lines.keys() == told.keys()
    assert [name for name, text in told.items() if text not in lines[name]] == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"jwt_audience": "export"}, {"JWT_AUDIENCE": "needs JWT_ISSUER"}),
        ({"jwt_jwks": "https://issuer.test/jwks"}, {"JWT_JWKS": "needs JWT_ISSUER"}),
        (JWT | {"jwt_jwks": "https://issuer.test/jwks?v=2"}, {}),
        (JWT | {"jwt_jwks": "http://issuer.test/jwks"}, {"JWT_JWKS": "an https URL"}),
        (JWT | {"jwt_jwks": "https://CANARY@issuer.test/jwks"}, {"JWT_JWKS": "an https URL"}),
        (JWT | {"jwt_algorithms": "ES384, RS384"}, {}),
        (JWT | {"jwt_algorithms": "HS256"}, {"JWT_ALGORITHMS": "must be of RS256"}),
        (JWT | {"jwt_algorithms": "ES256,none"}, {"JWT_ALGORITHMS": "must be of RS256"}),
        (JWT | {"jwt_algorithms": ","}, {"JWT_ALGORITHMS": "must be of RS256"}),
    ],
)
def test_what_is_said_of_tokens_fits_together(values: dict[str, str], told: dict[str, str]) -> None:
    if not told:
        assert Settings.model_validate(values).token_rules is not None
        return
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(values)
    lines = dict(line.split(": ", 1) for line in problems(refused.value))
    assert lines.keys() == told.keys()
    assert [name for name, text in told.items() if text not in lines[name]] == []
    assert "CANARY" not in str(lines)


@pytest.mark.parametrize(
    ("values", "served"),
    [
        ({}, True),
        ({"listen_address": "unix:/run/x.sock"}, True),
        ({"reflection": "false"}, False),
        ({"tokens_file": "tokens.toml"}, False),
        (JWT, False),
        (PAIR | {"tls_client_ca": "ca.pem"}, False),
        (PAIR, True),
        ({"tokens_file": "tokens.toml", "reflection": "true"}, True),
        ({"insecure": "true", "listen_address": "0.0.0.0:50051"}, False),
    ],
)
def test_reflection_is_off_unless_it_is_harmless_or_asked_for(values: dict[str, str], served: bool) -> None:  # noqa: FBT001 - what is expected
    assert Settings.model_validate(values).serves_reflection is served


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"redis_host": "redis.hospital.test"}, "REDIS_HOST"),
        ({"redis_url": "redis://:CANARY@redis.hospital.test:6379/0"}, "REDIS_URL"),
        ({"redis_url": "redis://192.0.2.1"}, "REDIS_URL"),
        ({"redis_url": "rediss://192.0.2.1"}, None),
        # Sentinels and servers of a cluster name others, wherever they are.
        ({"redis_url": "redis+sentinel://127.0.0.1/mine"}, "REDIS_URL"),
        ({"redis_url": "redis+cluster://127.0.0.1"}, "REDIS_URL"),
        ({"redis_url": "rediss+sentinel://192.0.2.1/mine"}, None),
        ({"redis_url": "rediss+cluster://192.0.2.1,192.0.2.2"}, None),
        ({"redis_url": "redis://127.0.0.1", "redis_host": "redis.hospital.test"}, None),
        ({"redis_url": "unix:///run/redis.sock"}, None),
        ({"redis_host": "::1"}, None),
        ({"redis_host": "redis.hospital.test", "insecure": "true"}, None),
        ({"redis_host": "redis.hospital.test", "cache_enabled": "false"}, None),
    ],
)
def test_a_redis_on_another_machine_needs_tls_or_to_be_wanted(
    values: dict[str, str], told: str | None
) -> None:
    if told is None:
        Settings.model_validate(values)
        return
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(values)
    (line,) = problems(refused.value)
    assert line.startswith(f"{told}: is another machine")
    assert ("CANARY" in line, "INSECURE=true" in line) == (False, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN_ADDRESS", "50051"),
        ("LISTEN_ADDRESS", ":50051"),
        ("LISTEN_ADDRESS", "::1:50051"),
        ("LISTEN_ADDRESS", "[127.0.0.1:50051"),
        ("LISTEN_ADDRESS", "127.0.0.1:65536"),
        ("LISTEN_ADDRESS", "127.0.0.1:x"),
        ("LISTEN_ADDRESS", "unix:"),
        ("LISTEN_ADDRESS", "dns:///127.0.0.1:50051"),
        ("BASE_URL", "localhost:8000/fhir"),
        ("BASE_URL", "ftp://localhost/fhir"),
        ("BASE_URL", "http:///fhir"),
        ("BASE_URL", "http://user@localhost/fhir"),
        ("BASE_URL", "http://localhost/fhir?"),
        ("BASE_URL", "http://localhost/fhir#a"),
        ("BASE_URL", 'http://localhost/"'),
        ("BASE_URL", "http://localhost/é"),
        ("DATABASE_URL", "mysql://localhost/fhir"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "postgresql://localhost:port/fhir"),
        ("DATABASE_URL", "fhirexport.db"),
        ("INSECURE", "perhaps"),
        ("MAX_RENDERINGS", "0"),
        ("RENDERING_TIMEOUT", "0"),
        ("RENDERING_TIMEOUT", "inf"),
        ("RENDERING_TIMEOUT", "nan"),
        ("SPOOL_LIMIT", "4 GiB"),
        ("LOG_LEVEL", "loud"),
        ("DRAIN_DELAY", "-1"),
        ("DRAIN_GRACE", "-1"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_name_of_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    lines = problems(caught.value)
    assert [line.partition(":")[0] for line in lines] == [name]
    assert "\n" not in lines[0]


def test_a_trailing_slash_of_the_base_url_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "https://fhir.example.org:8443/r4/")
    assert Settings().base_url == "https://fhir.example.org:8443/r4"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("CACHE_TLL", "CACHE_TTL"),
        ("CACHE_TTL_PATIENT", "CACHE_TTL_PATIENTS"),
        ("CACHE_TTL_STAYS", "CACHE_TTL"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("listen_addres", "LISTEN_ADDRESS"),
    ],
)
def test_a_misspelt_setting_is_found_out_wherever_it_is(
    name: str, near: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert misspelt() == []
    (tmp_path / ".env").write_text(f"{name}=CANARY\n")
    lines = misspelt()
    (tmp_path / ".env").unlink()
    monkeypatch.setenv(name, "CANARY")
    assert lines == misspelt()
    (line,) = lines
    assert line.startswith(f"{name.upper()}: there is no such setting; {near} is one.")
    assert "CANARY" not in line
    monkeypatch.setenv(near, "")
    assert misspelt() == []


@pytest.mark.parametrize(
    "name", ["REDIS_SERVICE_HOST", "REDIS_PORT_6379_TCP", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "CACHE_DIR"]
)
def test_what_other_programs_are_given_is_no_misspelling(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    assert misspelt() == []


def test_a_dataset_without_a_time_of_its_own_has_the_general_one() -> None:
    settings = Settings.model_validate({"cache_ttl": 7})
    assert settings.time_to_live == {"structure": 7, "patients": 600, "venues": 300}
    assert Settings.model_validate({"cache_ttl_structure": 8}).time_to_live[Dataset.STRUCTURE] == 8
