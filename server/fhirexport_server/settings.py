"""Owns every setting: its variable, default, bounds and meaning. Nothing else reads the environment."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_DATABASE_URL = re.compile(
    r"(?P<scheme>postgresql(\+psycopg)?://)(?P<user>.*@)?"
    r"(?P<rest>(\[[^\]]*\]|[^:/?@]*)(:\d{1,5})?(/[^?]*)?)(?P<query>\?.*)?"
    r"|(?P<file>sqlite(\+pysqlite)?:///[^?]+)(\?.*)?"
)
# RFC 3986: scheme, host, perhaps a port, and a path of characters that need no escape in JSON.
_BASE_URL = re.compile(
    r"https?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[\w.~!$&'()*+,;=:@%/-]*)?", re.ASCII
)


_Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


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
    max_renderings: int = Field(default=4, ge=1, le=256)
    """How many exports may be rendered from the database at once."""
    rendering_timeout: float = Field(default=900.0, gt=0, le=86_400, allow_inf_nan=False)
    """How long one export may take, from the first row to the last byte sent, in seconds. Exports in one
    message have 30 seconds at most."""
    spool_limit: int = Field(default=4 * 1024**3, ge=1)
    """How much disk space the renderings on their way to callers may fill, in bytes."""
    cache_enabled: bool = True
    """Keep renderings, and answer from them while the database says that they are current."""
    cache_memory: int = Field(default=64 * 1024**2, ge=1)
    """How much memory the kept renderings may take, in bytes, compressed as they are. One that takes more
    than an eighth of it is not kept."""
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
        return value

    @field_validator("base_url")
    @classmethod
    def _absolute_url(cls, value: str) -> str:
        if not _BASE_URL.fullmatch(value):
            raise ValueError(
                "must be an absolute http or https URL without a query, such as https://fhir.example.org/r4"
            )
        return value.rstrip("/")

    @field_validator("listen_address")
    @classmethod
    def _safe_address(cls, value: str, info: ValidationInfo) -> str:
        if not is_loopback(value) and info.data.get("insecure") is False:
            raise ValueError(
                "can be reached from other machines, and this server has no encryption: "
                "listen on 127.0.0.1, or set INSECURE=true on a network that you trust"
            )
        return value

    def public(self) -> dict[str, str | int | float | bool | None]:
        """Returns every setting by its variable's name, fit to be logged: without any password."""
        values = {name.upper(): value for name, value in self.model_dump(mode="json").items()}
        return values | {"DATABASE_URL": redacted(self.database_url.get_secret_value())}


def is_loopback(address: str) -> bool:
    """Returns whether only this machine can reach a listening address.

    Raises:
        ValueError: the address is neither `host:port` nor `unix:path`.
    """
    if address.startswith("unix:") and len(address) > len("unix:"):
        return True
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    plain = bare.isascii() and bare.isprintable() and not any(c in bare for c in " /[]")
    if not colon or not bare or not plain or (":" in bare) != bracketed or not _is_port(port):
        raise ValueError("must be host:port or unix:/path, such as 127.0.0.1:50051 or [::1]:50051")
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return bare == "localhost"


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= 65_535  # noqa: PLR2004 - the last TCP port


def redacted(database_url: str) -> str:
    """Returns a database URL without its user, password and query."""
    match = _DATABASE_URL.fullmatch(database_url)
    return (match["file"] or match["scheme"] + match["rest"]) if match else "?"


def problems(error: ValidationError) -> list[str]:
    """Returns a line for each setting that was refused: its variable and what it must be, never its value."""
    lines = []
    for found in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(part) for part in found["loc"]).upper()
        lines.append(f"{name}: {found['msg'].removeprefix('Value error, ')}")
    return lines
