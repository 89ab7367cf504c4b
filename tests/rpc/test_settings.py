"""Shows what each setting accepts, and that the documentation has them all."""

import re
from pathlib import Path

import pytest
from fhirexport_server.cache.redis.redis_urls import OPTIONS
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.settings import Settings, misspelt, problems, redacted, redacted_redis
from fhirexport_server.store.connection.database_urls import POSTGRESQL
from psycopg.pq import Conninfo
from pydantic import ValidationError
from redis.asyncio import ConnectionPool

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
        ("sqlite:////data/a@b.db", "sqlite:////data/a@b.db"),
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


def test_a_database_url_that_is_refused_is_shown_without_its_options() -> None:
    assert redacted("sqlite:////data/a@b.db?mode=ro") == "sqlite:////data/a@b.db"


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("database_url", "postgresql://h/db?client_encoding=CANARY", "client_encoding"),
        ("database_url", "postgresql://h/db?options=-c DateStyle=CANARY", "-c name=value"),
        ("database_url", "postgresql://h/db?options=-c search_path=a -c client_encoding=CANARY", "-c name"),
        ("database_url", "postgresql://h/db?sslmode=CANARY", "disable or allow or prefer or require"),
        ("database_url", "postgresql://h/db?ssl_mode=require", "ssl_mode: docs/configuration.md"),
        ("database_url", "postgresql://h/db?connect_timeout=CANARY", "from 1 to 60"),
        ("database_url", "postgresql://h/db?connect_timeout=61", "from 1 to 60"),
        ("database_url", "postgresql://h/db?port=CANARY", "port"),
        ("database_url", "postgresql://h/db?port=1&port=0", "port"),
        ("database_url", "postgresql://h/db?CANARY=1", "has an unknown option"),
        ("database_url", "postgresql://h/db?prepare_threshold=5", "prepare_threshold"),
        ("database_url", "postgresql://h:99999/db", "from 1 to 65535"),
        ("database_url", "postgresql://h:0/db", "from 1 to 65535"),
        ("database_url", "sqlite:///CANARY.db?mode=ro", "sqlite:/// takes none"),
        ("database_url", "sqlite:///CANARY.db?detect_types=1", "sqlite:/// takes none"),
        ("redis_url", "redis://:CANARY@h/0?decode_responses=True", "decode_responses"),
        ("redis_url", "redis://h/0?decode_responses=False", "decode_responses"),
        ("redis_url", "redis://h/0?encoding=CANARY", "encoding: redis:// takes db"),
        ("redis_url", "redis://h/0?protocol=3", "protocol"),
        ("redis_url", "redis://h/0?ssl_cert_reqs=none", "rediss://"),
        ("redis_url", "redis://h/0?ssl=true", "rediss://"),
        ("redis_url", "rediss://h/0?ssl=true", "ssl: rediss:// takes db"),
        ("redis_url", "rediss://h/0?ssl_cert_reqs=CANARY", "none or optional or required"),
        ("redis_url", "rediss://h/0?ssl_check_hostname=", "true or false"),
        ("redis_url", "rediss://h/0?ssl_min_version=CANARY", "ssl_min_version"),
        ("redis_url", "redis://h/0?socket_timeout=5", "set REDIS_SOCKET_TIMEOUT"),
        ("redis_url", "redis://h/0?socket_connect_timeout=5", "set REDIS_SOCKET_CONNECT_TIMEOUT"),
        ("redis_url", "redis://h/0?max_connections=CANARY", "max_connections"),
        ("redis_url", "redis://h/0?db=CANARY", "from 0 to 65535"),
        ("redis_url", "redis://h/?db=1&db=CANARY", "from 0 to 65535"),
        ("redis_url", "redis://pa?CANARY=x@host", "has an unknown option"),
        ("redis_url", "redis://h:99999", "from 1 to 65535"),
        ("redis_url", "redis://h:0", "from 1 to 65535"),
        ("redis_url", "rediss://[::ffff]:99999", "from 1 to 65535"),
        ("redis_url", "unix:///run/redis.sock?socket_keepalive=true", "socket_keepalive: unix:// takes db"),
    ],
)
def test_options_that_no_driver_takes_or_that_change_its_answers_are_refused(
    name: str, url: str, told: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({name: url})
    (line,) = problems(refused.value)
    assert line.startswith(f"{name.upper()}: ")
    assert told in line
    assert "CANARY" not in line


VALUES = {"db": "1", "socket_keepalive": "true", "ssl_cert_reqs": "none", "ssl_check_hostname": "false"}


@pytest.mark.parametrize(
    ("scheme", "name"), [(scheme, name) for scheme, names in OPTIONS.items() for name in names]
)
def test_the_driver_of_redis_takes_the_options_that_are_accepted(scheme: str, name: str) -> None:
    where = "/run/redis.sock" if scheme == "unix" else "localhost"
    url = f"{scheme}://{where}?{name}={VALUES.get(name, 'x')}"
    assert Settings.model_validate({"redis_url": url}).redis_address == url
    ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call] # the driver publishes no type of it


def test_the_driver_of_postgresql_takes_the_options_that_are_accepted() -> None:
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    assert POSTGRESQL.keys() <= known


@pytest.mark.parametrize(
    "query",
    [
        "host=/run/postgresql&port=5433",
        "host=a&host=b:5433",
        "sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem&sslnegotiation=direct",
        "options=-c%20search_path=hospital,public%20-c%20role=reader",
        "application_name=export&connect_timeout=10&target_session_attrs=read-write",
    ],
)
def test_what_connections_to_postgresql_need_is_accepted(query: str) -> None:
    url = f"postgresql://export@db/fhir?{query}"
    assert Settings.model_validate({"database_url": url}).database_url.get_secret_value() == url


def test_the_documentation_has_the_options_that_are_accepted() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    documented = set(re.findall(r"`(\w+)`", text.partition("## The options of the URLs")[2]))
    names = {*POSTGRESQL, *(name for names in OPTIONS.values() for name in names)}
    assert names <= documented


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
