"""Shows what each setting accepts, and that the documentation has them all."""

import re
from pathlib import Path

import pytest
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.settings import Settings, problems, redacted, redacted_redis
from pydantic import ValidationError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from where the tests happen to run."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


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
    ("url", "shown"),
    [
        ("sqlite:////data/a@b.db?mode=ro", "sqlite:////data/a@b.db"),
        ("postgresql://export:CANARY@db:5432/fhir", "postgresql://db:5432/fhir"),
        ("postgresql://export:C@N/A?RY@db/fhir", "postgresql://db/fhir"),
        ("postgresql+psycopg://db/fhir?password=CANARY", "postgresql+psycopg://db/fhir"),
        ("postgresql://export@/fhir?host=/run/postgresql", "postgresql:///fhir"),
        ("postgresql://export@[::1]:5432/fhir", "postgresql://[::1]:5432/fhir"),
    ],
)
def test_a_database_url_is_shown_without_its_secrets(
    url: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert redacted(url) == shown
    assert Settings().public()["DATABASE_URL"] == shown
    assert "CANARY" not in repr(Settings())


def test_a_refused_database_url_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://export:CANARY@db/fhir")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "CANARY" not in "".join(problems(caught.value)) + str(caught.value)


@pytest.mark.parametrize(
    ("values", "address", "shown"),
    [
        ({}, "redis://localhost:6379/0", "redis://localhost:6379/0"),
        (
            {"redis_host": "::1", "redis_port": "6380", "redis_db": "2", "redis_password": "p/w@d"},
            "redis://:p%2Fw%40d@[::1]:6380/2",
            "redis://[::1]:6380/2",
        ),
        (
            {"redis_url": "rediss://me:secret@cache.example.org/1?ssl_ca_certs=x", "redis_host": "other"},
            "rediss://me:secret@cache.example.org/1?ssl_ca_certs=x",
            "rediss://cache.example.org/1",
        ),
        (
            {"redis_url": "unix://me:secret@/run/redis.sock?db=1"},
            "unix://me:secret@/run/redis.sock?db=1",
            "unix:///run/redis.sock",
        ),
    ],
)
def test_where_redis_is_is_shown_without_its_password(
    values: dict[str, str], address: str, shown: str
) -> None:
    settings = Settings.model_validate(values)
    assert (settings.redis_address, redacted_redis(settings.redis_address)) == (address, shown)
    assert not any(secret in str(settings.public()) for secret in ("p/w@d", "p%2F", "secret"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("redis_url", url) for url in ("CANARY:6379", "http://CANARY", "redis://", "unix://CANARY")),
        *(("redis_host", host) for host in ("", "a CANARY", "me@CANARY", "redis://CANARY")),
        *(("redis_port", "0"), ("redis_port", "65536"), ("redis_db", "-1")),
        *(("cache_ttl", "0"), ("cache_ttl_venues", "-5"), ("cache_budget", "0"), ("cache_budget", "nan")),
    ],
)
def test_where_redis_cannot_be_is_refused_without_being_repeated(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({name: value})
    (line,) = problems(refused.value)
    assert line.startswith(f"{name.upper()}: ")
    assert "CANARY" not in line


def test_a_dataset_without_a_time_of_its_own_has_the_general_one() -> None:
    settings = Settings.model_validate({"cache_ttl": 7})
    assert settings.time_to_live == {"structure": 7, "patients": 600, "venues": 300}
    assert Settings.model_validate({"cache_ttl_structure": 8}).time_to_live[Dataset.STRUCTURE] == 8
