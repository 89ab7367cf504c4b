"""Shows which URLs of the database and of Redis are accepted, and that none is shown with its secrets."""

import re
from pathlib import Path

import pytest
from fhirexport_server.cache.redis import redis_urls
from fhirexport_server.cache.redis.redis_urls import OPTIONS, Several
from fhirexport_server.cache.redis.servers.opening import RedisAddress, opened
from fhirexport_server.settings import Settings
from fhirexport_server.store.connection import database_urls
from fhirexport_server.store.connection import engine as engines
from fhirexport_server.store.connection.database_urls import POSTGRESQL
from fhirexport_server.wrong_settings import problems
from psycopg.pq import Conninfo
from pydantic import ValidationError
from redis.asyncio import RedisCluster

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("nowhere")
WHERE = {
    "unix": "/run/redis.sock",
    "redis+sentinel": "localhost,localhost:26380/mine/0",
    "rediss+sentinel": "localhost,localhost:26380/mine/0",
}
VALUES = {"db": "1", "socket_keepalive": "true", "ssl_cert_reqs": "none", "ssl_check_hostname": "false"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////data/a@b.db", "sqlite:////data/a@b.db"),
        ("postgresql://export:CANARY@db:5432/fhir", "postgresql://db:5432/fhir"),
        ("postgresql://export:C@N/A?RY@db/fhir", "postgresql://db/fhir"),
        ("postgresql+psycopg://db/fhir?password=CANARY", "postgresql+psycopg://db/fhir"),
        ("postgresql://export@/fhir?host=/run/postgresql", "postgresql:///fhir"),
        ("postgresql://export@[::1]:5432/fhir", "postgresql://[::1]:5432/fhir"),
        ("postgresql://export:CANARY@a:5432,[::1]:5433,c/fhir", "postgresql://a:5432,[::1]:5433,c/fhir"),
    ],
)
def test_a_database_url_is_shown_without_its_secrets(
    url: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert database_urls.redacted(url) == shown
    assert Settings().public()["DATABASE_URL"] == shown
    assert "CANARY" not in repr(Settings())


def test_a_database_url_that_is_refused_is_shown_without_its_options() -> None:
    assert database_urls.redacted("sqlite:////data/a@b.db?mode=ro") == "sqlite:////data/a@b.db"


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
        ("redis_url", "redis+sentinel://h:26379", "redis+sentinel://host:26379,host2:26379/service/0"),
        ("redis_url", "rediss+sentinel://me:CANARY@h/", "rediss+sentinel://host:26379"),
        ("redis_url", "redis+sentinel://h/CANARY:/0", "must name the service as Sentinel does"),
        ("redis_url", "redis+sentinel://h/mine/99999", "must name the service as Sentinel does"),
        ("redis_url", "redis+sentinel://h/mine/0/CANARY", "must name the service as Sentinel does"),
        ("redis_url", "redis+sentinel://h,h2:0/mine", "from 1 to 65535"),
        ("redis_url", "redis+sentinel://h,h2:99999/mine", "from 1 to 65535"),
        ("redis_url", "redis+sentinel://h/mine?db=1", "db: redis+sentinel:// takes username"),
        ("redis_url", "redis+sentinel://h/mine?ssl_ca_certs=x", "rediss+sentinel:// that means TLS"),
        ("redis_url", "redis+sentinel://h/mine?socket_timeout=5", "set REDIS_SOCKET_TIMEOUT"),
        ("redis_url", "redis+cluster://h:6379/1", "must not name a database"),
        ("redis_url", "redis+cluster://h/CANARY", "must not name a database"),
        (
            "redis_url",
            "redis+cluster://h?read_from_replicas=true",
            "read_from_replicas: redis+cluster:// takes",
        ),
        ("redis_url", "rediss+cluster://h?ssl_password=x", "ssl_password: rediss+cluster:// takes"),
        ("redis_url", "redis+cluster://h?sentinel_password=CANARY", "redis+cluster:// takes username"),
        ("redis_url", f"redis+cluster://{','.join('abc' * 11)}", "more than 32 hosts"),
        ("redis_url", "redis+cluster://[::fffff]:1,[::1", "must be a URL such as"),
        ("redis_url", "redis+cluster://[::ffff:]:1,h", "an address in brackets"),
        ("redis_url", "redis://h:6379,h2:6379/0", "must be a URL such as"),
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


@pytest.mark.parametrize(
    ("scheme", "name"), [(scheme, name) for scheme, names in OPTIONS.items() for name in names]
)
def test_the_driver_of_redis_takes_the_options_that_are_accepted(scheme: str, name: str) -> None:
    where = WHERE.get(scheme, "localhost")
    url = f"{scheme}://{where}?{name}={VALUES.get(name, 'x')}"
    assert Settings.model_validate({"redis_url": url, "insecure": True}).redis_address == url
    client = opened(RedisAddress(url, 1, 1, 1)).client
    if isinstance(client, RedisCluster):
        client.startup_nodes[0].acquire_connection()
    else:
        client.connection_pool.make_connection()  # type: ignore[no-untyped-call] # the driver publishes no type of it


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "rediss+sentinel://me:p%40ss@a,b:5000,[::1]/one.x/3?sentinel_username=s&sentinel_password=t%20u",
            Several(
                is_cluster=False,
                is_encrypted=True,
                hosts=(("a", 26379), ("b", 5000), ("::1", 26379)),
                service="one.x",
                db=3,
                username="me",
                password="p@ss",  # noqa: S106 - the one of the URL
                sentinel_username="s",
                sentinel_password="t u",  # noqa: S106 - the same
                options={},
            ),
        ),
        (
            "redis+cluster://:secret@a:7000,b/?socket_keepalive=false",
            Several(
                is_cluster=True,
                is_encrypted=False,
                hosts=(("a", 7000), ("b", 6379)),
                service="",
                db=0,
                username=None,
                password="secret",  # noqa: S106 - the same
                sentinel_username=None,
                sentinel_password=None,
                options={"socket_keepalive": False},
            ),
        ),
        ("redis://a:7000/1", None),
        ("unix:///run/redis.sock", None),
    ],
)
def test_a_url_of_several_servers_is_read(url: str, expected: Several | None) -> None:
    assert Settings.model_validate({"redis_url": url, "insecure": True}).redis_address == url
    assert redis_urls.several(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://export@a:5432,[::1]:5433,c/fhir", [("a", "5432"), ("::1", "5433"), ("c", "5432")]),
        ("postgresql://export@/fhir?host=a,b&port=1,2", [("a", "1"), ("b", "2")]),
        ("postgresql://export@/fhir?host=a:1&host=b:2", [("a", "1"), ("b", "2")]),
        ("postgresql://export@a/fhir?connect_timeout=7", [("a", None)]),
        ("postgresql://export@/fhir?host=/run/postgresql", [("/run/postgresql", None)]),
    ],
)
def test_each_server_of_a_database_is_reached_by_itself(
    url: str, expected: list[tuple[str, str | None]]
) -> None:
    assert Settings.model_validate({"database_url": url}).database_url.get_secret_value() == url
    found = engines.servers(url)
    assert [(one["host"], one.get("port")) for one in found] == expected
    assert {(one["user"], one["dbname"]) for one in found} == {("export", "fhir")}
    assert found[0]["connect_timeout"] in {3, "7"}


@pytest.mark.parametrize("url", ["sqlite:///copy.db", "postgresql://a:99999/x", "http://CANARY"])
def test_a_replica_is_one_of_postgresql(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"database_replica_url": url})
    (line,) = problems(refused.value)
    assert line.startswith("DATABASE_REPLICA_URL: ")
    assert "CANARY" not in line


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
        (
            {"redis_url": "rediss+sentinel://me:secret@a:26379,b/mine/0?sentinel_password=secret"},
            "rediss+sentinel://me:secret@a:26379,b/mine/0?sentinel_password=secret",
            "rediss+sentinel://a:26379,b/mine/0",
        ),
        (
            {"redis_url": "redis+cluster://:secret@a,[::1]:7001", "insecure": "true"},
            "redis+cluster://:secret@a,[::1]:7001",
            "redis+cluster://a,[::1]:7001",
        ),
    ],
)
def test_where_redis_is_is_shown_without_its_password(
    values: dict[str, str], address: str, shown: str
) -> None:
    settings = Settings.model_validate(values)
    assert (settings.redis_address, redis_urls.redacted(settings.redis_address)) == (address, shown)
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
