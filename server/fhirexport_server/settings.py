"""All settings: variable, default, bounds and meaning. Nothing else reads the environment.

Those of addresses are in `access_settings.py`.
"""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from fhirexport_server.access_settings import AccessSettings
from fhirexport_server.cache.redis import redis_urls
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.runtime.listening import is_this_machine
from fhirexport_server.store.connection import database_urls

MOST_WORKERS = 64
# RFC 3986: scheme, host, perhaps a port, and a path of characters that need no escape in JSON.
_BASE_URL = re.compile(
    r"https?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[\w.~!$&'()*+,;=:@%/-]*)?", re.ASCII
)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class Settings(AccessSettings):
    """The settings of one server process, from the environment and from `.env` in the current directory.

    The environment wins over `.env`; a variable that is set to nothing counts as not set.
    """

    workers: int = Field(default=1, ge=1, le=MOST_WORKERS)
    """How many processes serve, on Linux: one for each core at most. With 2 or more, a parent starts and
    watches them, and what bounds memory, calls and renderings is divided among them."""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = "INFO"
    """The least severe lines to log: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`."""
    log_file: Path | None = None
    """A file to write the log to as well, as JSON. It is rotated at 10 MiB, and five old ones are kept."""
    database_url: SecretStr = SecretStr("sqlite:///fhirexport.db")
    """The database: `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or
    `postgresql://user:password@host:port/name`, with several hosts where another may become the primary:
    `postgresql://user:password@host1:5432,host2:5432/name`."""
    database_replica_url: SecretStr | None = None
    """A streaming replica of PostgreSQL that full renderings may read, where it shows the very revision that
    the primary does. Else the primary is read."""
    base_url: str = "http://localhost:8000/fhir"
    """The FHIR server that `fullUrl` and our code systems name: an absolute http(s) URL without a query.
    Changing it changes every export."""
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
    """How many of these may come from one caller: one identity, or where nobody is asked, one address."""
    max_watches: int = Field(default=1000, ge=1, le=100_000)
    """How many watches of exports there may be at once, besides the calls. Every connection may have one
    whatever the others have."""
    max_watches_per_peer: int = Field(default=500, ge=1, le=100_000)
    """How many of these may come from one caller: one identity, or where nobody is asked, one address."""
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
    """How much memory the kept renderings may take, in bytes, compressed as they are. Of one that takes
    more than a quarter of it, no more than that quarter is kept."""
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
    cache_keys_file: Path | None = None
    """A file of keys with which what is kept in Redis is sealed (AES-256-GCM); `fhirexport-server keys add`
    makes it. It is read again each second: the first key seals, all unseal."""
    redis_url: SecretStr | None = None
    """Where Redis is, as one URL, which then counts alone: `redis://user:password@host:port/db`, `rediss://...`
    with TLS, or `unix:///path/of.sock?db=0`. Behind Sentinel `rediss+sentinel://host:26379,host2:26379/service/db`,
    a cluster `rediss+cluster://host:6379,host2:6379`; both also without TLS."""
    redis_host: str = Field(default="localhost", pattern=r"^[^\s/@?#]+$")
    """The machine that Redis, or Valkey, runs on."""
    redis_port: int = Field(default=6379, ge=1, le=65_535)
    """The port that it listens on."""
    redis_db: int = Field(default=0, ge=0, le=65_535)
    """Which of its databases to use."""
    redis_password: SecretStr | None = None
    """The password, where it asks for one."""
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

    @field_validator("workers")
    @classmethod
    def _can_be_several(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and str(info.data.get("listen_address", "")).startswith("unix:"):
            raise ValueError("must be 1 where LISTEN_ADDRESS is a Unix socket, which processes cannot share")
        if value > 1 and info.data.get("jwt_single_use"):
            raise ValueError("must be 1 with JWT_SINGLE_USE: each process remembers used tokens by itself")
        return value

    @field_validator("database_url", "database_replica_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None:
            return None
        if info.field_name == "database_replica_url" and not value.get_secret_value().startswith(
            "postgresql"
        ):
            raise ValueError("must be a URL of PostgreSQL: SQLite has no replicas")
        if not database_urls.URL.fullmatch(value.get_secret_value()):
            raise ValueError(
                "must be a URL such as sqlite:///fhirexport.db or postgresql://user:password@host:5432/name"
            )
        if wrong := database_urls.refusal(value.get_secret_value()):
            raise ValueError(wrong)
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not redis_urls.URL.fullmatch(value.get_secret_value()):
            raise ValueError(
                "must be a URL such as redis://localhost:6379/0, rediss://user:password@host:6379/0, "
                "unix:///run/redis.sock, rediss+sentinel://host:26379,host2:26379/service/0 "
                "or rediss+cluster://host:6379,host2:6379"
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

    @field_validator("redis_url", "redis_host")
    @classmethod
    def _encrypted_redis(cls, value: SecretStr | str | None, info: ValidationInfo) -> SecretStr | str | None:
        if value is None or info.data.get("insecure") is not False:
            return value
        if info.field_name == "redis_host" and info.data.get("redis_url") is not None:
            return value
        if isinstance(value, SecretStr):
            confidential = redis_urls.is_confidential(value.get_secret_value())
        else:
            confidential = is_this_machine(value)
        if info.data.get("cache_enabled", True) and not confidential:
            raise ValueError(
                "is another machine, and what is kept there would pass in the clear: set REDIS_URL to a "
                "rediss:// URL (docs/security.md), or INSECURE=true on a network that you trust"
            )
        return value

    def public(self) -> dict[str, str | int | float | bool | None]:
        """Return every setting by its variable's name, for the log: without any password."""
        values = {name.upper(): value for name, value in self.model_dump(mode="json").items()}
        return values | {
            "DATABASE_URL": database_urls.redacted(self.database_url.get_secret_value()),
            "DATABASE_REPLICA_URL": None
            if self.database_replica_url is None
            else database_urls.redacted(self.database_replica_url.get_secret_value()),
            "REDIS_URL": None if self.redis_url is None else redis_urls.redacted(self.redis_address),
            "REDIS_PASSWORD": None if self.redis_password is None else "**********",
        }

    @property
    def replica_url(self) -> str | None:
        """The URL of the database's replica, with the password; None where there is none."""
        return None if self.database_replica_url is None else self.database_replica_url.get_secret_value()

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
