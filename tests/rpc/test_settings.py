"""Shows what each setting accepts, and that the documentation has them all."""

import re
from pathlib import Path

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.settings import Settings, misspelt, problems
from pydantic import ValidationError

ROOT = Path(__file__).parents[2]
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
    assert "INSECURE=true" in problems(caught.value)[0]
    monkeypatch.setenv("INSECURE", "true")
    assert Settings().listen_address == address


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
