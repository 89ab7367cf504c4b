"""All settings: variable, default, bounds and meaning. Nothing else reads the environment."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from fhirexport_server.cache.redis import redis_urls
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.runtime.listening import is_loopback
from fhirexport_server.store.connection import database_urls

_DATABASE_URL = re.compile(
    r"(?P<scheme>postgresql(\+psycopg)?://)(?P<user>.*@)?"
    r"(?P<rest>(\[[^\]]*\]|[^:/?@]*)(:\d{1,5})?(/[^?]*)?)(?P<query>\?.*)?"
    r"|(?P<file>sqlite(\+pysqlite)?:///[^?]+)(\?.*)?"
)
_REDIS_URL = re.compile(
    r"(?P<scheme>rediss?://)(?P<user>[^@/?#\s]*@)?(?P<rest>(\[[0-9A-Fa-f:.]+\]|[^:/?@#\s]+)(:\d{1,5})?(/\d{0,5})?)"
    r"(?P<query>\?[^#\s]*)?|(?P<socket>unix://)(?P<login>[^@/?#\s]*@)?(?P<path>/[^?#\s]+)(\?[^#\s]*)?"
)
# RFC 3986: scheme, host, perhaps a port, and a path of characters that need no escape in JSON.
_BASE_URL = re.compile(
    r"https?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[\w.~!$&'()*+,;=:@%/-]*)?", re.ASCII
)

_NEAR = 0.85
"""The similarity from which on one name is taken for a misspelling of another; 1 means equal."""
OFF = "off"
"""The METRICS_ADDRESS that serves no metrics."""


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class Settings(BaseSettings):
    """The settings of one server process, from the environment and from `.env` in the current directory.

    The environment wins over `.env`; a variable that is set to nothing counts as not set.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",  # `.env` is shared with other programs, such as the client
        hide_input_in_errors=True,
    )

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = "INFO"
    """The least severe lines to log: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`."""
    log_file: Path | None = None
    """A file to write the log to as well, as JSON. It is rotated at 10 MiB, and five old ones are kept."""
    database_url: SecretStr = SecretStr("sqlite:///fhirexport.db")
    """The database: `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or
    `postgresql://user:password@host:port/name`."""
    base_url: str = "http://localhost:8000/fhir"
    """The FHIR server that `fullUrl` and our code systems name: an absolute http(s) URL without a query.
    Changing it changes every export."""
    insecure: bool = False
    """Listen on an address that other machines can reach, without encryption."""
    listen_address: str = "127.0.0.1:50051"
    """Where to serve gRPC: `host:port` or `unix:/path/of.sock`. Port 0 takes a free one. An address that
    other machines can reach is refused unless `INSECURE=true`."""
    metrics_address: str = "127.0.0.1:9464"
    """Where to serve the metrics, `http://host:port/metrics`, by the rules of `LISTEN_ADDRESS`; `off` serves
    none."""
    max_renderings: int = Field(default=4, ge=1, le=256)
    """How many exports may be rendered from the database at once."""
    rendering_timeout: float = Field(default=900.0, gt=0, le=86_400, allow_inf_nan=False)
    """How long one export may take, from the first row to the last byte sent, in seconds. Exports in one
    message have 30 seconds at most."""
    spool_limit: int = Field(default=4 * 1024**3, ge=1)
    """How much disk space the renderings on their way to callers may fill, in bytes."""
    max_calls: int = Field(default=1000, ge=1, le=100_000)
    """How many calls there may be at once, the health service's own not counted. Every connection may have 8
    whatever the others have."""
    max_calls_per_peer: int = Field(default=500, ge=1, le=100_000)
    """How many of these may come from one address."""
    max_watches: int = Field(default=1000, ge=1, le=100_000)
    """How many watches of exports there may be at once, besides the calls. Every connection may have one
    whatever the others have."""
    max_watches_per_peer: int = Field(default=500, ge=1, le=100_000)
    """How many of these may come from one address."""
    watch_interval: float = Field(default=0.25, ge=0.05, le=60, allow_inf_nan=False)
    """How often the database is asked for new revisions while there are watches, in seconds: one query for
    all of them."""
    bytes_in_flight: int = Field(default=256 * 1024**2, ge=64 * 1024**2)
    """How much memory answers that callers have yet to take may fill, in bytes, and requests that are still
    coming as much again; a connection's share is a quarter."""
    answer_timeout: float = Field(default=30.0, gt=0, le=900, allow_inf_nan=False)
    """How long a caller may take to accept one message, in seconds. Then the call ends."""
    import_idle_timeout: float = Field(default=15.0, gt=0, le=900, allow_inf_nan=False)
    """How long a caller may take between two messages of a stream of resources, in seconds."""
    cache_enabled: bool = True
    """Keep renderings, in memory and in Redis, and answer from them while the database says that they are
    current."""
    cache_memory: int = Field(default=64 * 1024**2, ge=1)
    """How much memory the kept renderings may take, in bytes, compressed as they are. One that takes more
    than a quarter of it is not kept."""
    cache_budget: float = Field(default=0.3, gt=0, le=10, allow_inf_nan=False)
    """How long one access to Redis may hold an export up, in seconds. After one that took longer, exports do
    without Redis until it answers again."""
    cache_ttl: int = Field(default=3600, ge=1, le=30 * 86_400)
    """How long a rendering may be kept, in seconds, for a dataset without a setting of its own. It bounds
    memory; it is not what keeps exports fresh."""
    cache_ttl_structure: int | None = Field(default=None, ge=1, le=30 * 86_400)
    """The same for the structure; `CACHE_TTL` if left out."""
    cache_ttl_patients: int = Field(default=600, ge=1, le=30 * 86_400)
    """The same for the patients."""
    cache_ttl_venues: int = Field(default=300, ge=1, le=30 * 86_400)
    """The same for the venues."""
    redis_host: str = Field(default="localhost", pattern=r"^[^\s/@?#]+$")
    """The machine that Redis, or Valkey, runs on."""
    redis_port: int = Field(default=6379, ge=1, le=65_535)
    """The port that it listens on."""
    redis_db: int = Field(default=0, ge=0, le=65_535)
    """Which of its databases to use."""
    redis_password: SecretStr | None = None
    """The password, where it asks for one."""
    redis_url: SecretStr | None = None
    """All of this as one URL, which then counts alone: `redis://user:password@host:port/db`, `rediss://...`
    with TLS, or `unix:///path/of.sock?db=0`."""
    redis_socket_timeout: float = Field(default=0.25, gt=0, le=10, allow_inf_nan=False)
    """How long one reply of Redis may take, in seconds."""
    redis_socket_connect_timeout: float = Field(default=0.25, gt=0, le=10, allow_inf_nan=False)
    """How long a connection to Redis may take to make, in seconds."""
    otel_exporter_otlp_endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+/?$")
    """Where to send traces: a collector's OTLP address over gRPC, such as `http://localhost:4317`. It needs
    the extra `tracing`. The other standard `OTEL_*` variables count as well."""
    drain_delay: float = Field(default=3.0, ge=0, le=300, allow_inf_nan=False)
    """How long to go on accepting calls after SIGTERM, while the health service already says NOT_SERVING, in
    seconds: the time that load balancers need to notice."""
    drain_grace: float = Field(default=30.0, ge=0, le=86_400, allow_inf_nan=False)
    """How long the calls in flight may then take to end, in seconds."""

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        if not _DATABASE_URL.fullmatch(value.get_secret_value()):
            raise ValueError(
                "must be a URL such as sqlite:///fhirexport.db or postgresql://user:password@host:5432/name"
            )
        if wrong := database_urls.refusal(value.get_secret_value()):
            raise ValueError(wrong)
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _REDIS_URL.fullmatch(value.get_secret_value()):
            raise ValueError(
                "must be a URL such as redis://localhost:6379/0, rediss://user:password@host:6379/0 "
                "or unix:///run/redis.sock"
            )
        if value is not None and (wrong := redis_urls.refusal(value.get_secret_value())):
            raise ValueError(wrong)
        return value

    @field_validator("base_url")
    @classmethod
    def _absolute_url(cls, value: str) -> str:
        if not _BASE_URL.fullmatch(value):
            raise ValueError(
                "must be an absolute http or https URL without a query, such as https://fhir.example.org/r4"
            )
        return value.rstrip("/")

    @field_validator("metrics_address", mode="before")
    @classmethod
    def _address_or_off(cls, value: object) -> object:
        if not isinstance(value, str) or value == OFF:
            return value
        try:
            is_loopback(value)
        except ValueError:
            value = "unix:"
        if value.startswith("unix:"):
            raise ValueError(f"must be host:port, such as 127.0.0.1:9464 or [::1]:9464, or {OFF}")
        return value

    @field_validator("listen_address", "metrics_address")
    @classmethod
    def _safe_address(cls, value: str, info: ValidationInfo) -> str:
        if info.field_name == "metrics_address" and value == OFF:
            return value
        if not is_loopback(value) and info.data.get("insecure") is False:
            raise ValueError(
                "can be reached from other machines, and this server has no encryption: "
                "listen on 127.0.0.1, or set INSECURE=true on a network that you trust"
            )
        return value

    def public(self) -> dict[str, str | int | float | bool | None]:
        """Return every setting by its variable's name, for the log: without any password."""
        values = {name.upper(): value for name, value in self.model_dump(mode="json").items()}
        return values | {
            "DATABASE_URL": redacted(self.database_url.get_secret_value()),
            "REDIS_URL": None if self.redis_url is None else redacted_redis(self.redis_address),
            "REDIS_PASSWORD": None if self.redis_password is None else "**********",
        }

    @property
    def redis_address(self) -> str:
        """Where Redis is, as one URL, with the password."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        password = self.redis_password.get_secret_value() if self.redis_password else ""
        login = f":{quote(password, safe='')}@" if password else ""
        host = f"[{self.redis_host}]" if ":" in self.redis_host else self.redis_host
        return f"redis://{login}{host}:{self.redis_port}/{self.redis_db}"

    @property
    def time_to_live(self) -> dict[Dataset, int]:
        """How long a dataset's renderings may be kept, in seconds."""
        structure = self.cache_ttl if self.cache_ttl_structure is None else self.cache_ttl_structure
        return {
            Dataset.STRUCTURE: structure,
            Dataset.PATIENTS: self.cache_ttl_patients,
            Dataset.VENUES: self.cache_ttl_venues,
        }


def redacted(database_url: str) -> str:
    """Return a database URL without its user, password and query."""
    match = _DATABASE_URL.fullmatch(database_url)
    return (match["file"] or match["scheme"] + match["rest"]) if match else "?"


def redacted_redis(url: str) -> str:
    """Return a Redis URL without its user, password and query."""
    match = _REDIS_URL.fullmatch(url)
    if match is None:
        return "?"
    return match["scheme"] + match["rest"] if match["scheme"] else match["socket"] + match["path"]


def misspelt() -> list[str]:
    """Return a line for each variable of the environment or `.env` whose name is near to that of a setting.

    It is left out where that setting is set as well: then it may well be another program's.
    """
    names = {name.upper() for name in Settings.model_fields}
    environment = EnvSettingsSource(Settings, env_ignore_empty=False).env_vars
    given = {name.upper() for name in (*environment, *_env_file())}
    lines = []
    for name in sorted(given - names):
        near = get_close_matches(name, names, n=1, cutoff=_NEAR)
        if not near and name.startswith("CACHE_TTL_"):
            near = ["CACHE_TTL"]
        if near and near[0] not in given and not name.startswith("OTEL_"):
            lines.append(
                f"{name}: there is no such setting; {near[0]} is one. If {name} is another program's, set "
                f"{near[0]} as well, to nothing for its default"
            )
    return lines


def _env_file() -> Iterable[str]:
    return DotEnvSettingsSource(Settings, env_ignore_empty=False).env_vars


def problems(error: ValidationError) -> list[str]:
    """Return a line for each refused setting: its variable and what it must be, never its value."""
    lines = []
    for details in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(part) for part in details["loc"]).upper()
        lines.append(f"{name}: {details['msg'].removeprefix('Value error, ')}")
    return lines
