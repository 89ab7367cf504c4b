"""Which database URLs are accepted: their options are those of the driver that do not change its answers."""

import re
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import engine, make_url
from sqlalchemy.exc import ArgumentError

from fhirexport_server.runtime import listening, url_options
from fhirexport_server.runtime.url_options import TEXT, matching, number, one_of

URL: Final = re.compile(
    r"(?P<scheme>postgresql(\+psycopg)?://)(?P<user>.*@)?"
    r"(?P<rest>(?P<hosts>(\[[^\]]*\]|[^:/?@,]*)(:\d{1,5})?(,(\[[^\]]*\]|[^:/?@,]+)(:\d{1,5})?)*)"
    r"(?P<path>/[^?]*)?)(?P<query>\?.*)?"
    r"|(?P<file>sqlite(\+pysqlite)?:///[^?]+)(\?.*)?"
)
"""The form of a URL; its options are looked at apart."""
_LARGEST_PORT: Final = 65_535
_VERSIONS: Final = one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_SETTINGS: Final = matching(
    r"( *-c *(search_path|role|statement_timeout|lock_timeout|work_mem|jit)=[\w$,.\"-]+)+ *",
    "of the form -c name=value, and set search_path, role, statement_timeout, lock_timeout, work_mem or jit",
)
POSTGRESQL: Final = {
    "host": TEXT,
    "hostaddr": TEXT,
    "port": matching(r"[1-9]\d{0,4}(,[1-9]\d{0,4})*", "a port"),
    "user": TEXT,
    "password": TEXT,
    "passfile": TEXT,
    "sslmode": one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslrootcert": TEXT,
    "sslcert": TEXT,
    "sslkey": TEXT,
    "sslpassword": TEXT,
    "sslcrl": TEXT,
    "sslsni": number(0, 1),
    "sslnegotiation": one_of("postgres", "direct"),
    "ssl_min_protocol_version": _VERSIONS,
    "ssl_max_protocol_version": _VERSIONS,
    "channel_binding": one_of("disable", "prefer", "require"),
    "gssencmode": one_of("disable", "prefer", "require"),
    "target_session_attrs": one_of("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": one_of("disable", "random"),
    "application_name": TEXT,
    "connect_timeout": number(1, 60),
    "keepalives_idle": number(1, 7200),
    "keepalives_interval": number(1, 7200),
    "keepalives_count": number(1, 100),
    "tcp_user_timeout": number(1, 3_600_000),
    "options": _SETTINGS,
}
"""The options of `postgresql://`, which are libpq's. The driver decodes by `client_encoding`: it is ours."""
_NOT_PRIMARY: Final = ("any", "read-only", "standby", "prefer-standby")
_KNOWN: Final = (
    "client_encoding",
    "dbname",
    "service",
    "replication",
    "autocommit",
    "prepare_threshold",
    "mode",
)
_DRIVERS: Final = (
    "uri",
    "cache",
    "timeout",
    "isolation_level",
    "detect_types",
    "check_same_thread",
    "immutable",
)


def refusal(url: str) -> str | None:
    """Return what is wrong with a database URL's port and options, None where nothing is.

    It quotes no value: any may be a part of a password.
    """
    try:
        parsed = make_url(of_sqlalchemy(url))
    except (ArgumentError, ValueError):
        return "is no URL: special characters in a user or a password are percent-encoded"
    if parsed.port is not None and not 0 < parsed.port <= _LARGEST_PORT:
        return f"has a port that must be from 1 to {_LARGEST_PORT}"
    pairs = [(name, value) for name, values in parsed.query.items() for value in _as_tuple(values)]
    if parsed.get_backend_name() == "sqlite":
        return url_options.refusal(pairs, {}, (*_KNOWN, *_DRIVERS), "sqlite:/// takes none")
    return url_options.refusal(pairs, POSTGRESQL, _KNOWN, "docs/configuration.md has those that it takes")


def of_sqlalchemy(url: str) -> str:
    """Return a URL with its hosts where SQLAlchemy looks for several: in the options.

    libpq takes them where one host stands, too: `postgresql://a:5432,b:5432/name`.
    """
    match = URL.fullmatch(url)
    if match is None or "," not in (match["hosts"] or ""):
        return url
    hosts, ports = [], []
    for one in match["hosts"].split(","):
        name, _, port = one.rpartition(":") if re.search(r":\d+$", one) and one[-1] != "]" else (one, "", "")
        hosts.append(name.strip("[]"))
        ports.append(port or "5432")
    several = urlencode({"host": ",".join(hosts), "port": ",".join(ports)}, safe=",:")
    more = "&" + match["query"][1:] if match["query"] and match["query"] != "?" else ""
    return f"{match['scheme']}{match['user'] or ''}{match['path'] or '/'}?{several}{more}"


def accepts_standby(url: str) -> bool:
    """Return whether a URL asks for a server that need not be the primary."""
    return make_url(of_sqlalchemy(url)).query.get("target_session_attrs") in _NOT_PRIMARY


def is_this_machine(url: engine.URL) -> bool:
    """Return whether every host that a URL of PostgreSQL names is this machine for certain."""
    named = [url.host or ""]
    for option in ("host", "hostaddr"):
        for value in _as_tuple(url.query.get(option, ())):
            named += [one if one.startswith("/") else one.partition(":")[0] for one in value.split(",")]
    return all(listening.is_this_machine(host) for host in filter(None, named))


def redacted(database_url: str) -> str:
    """Return a database URL without its user, password and query."""
    match = URL.fullmatch(database_url)
    return (match["file"] or match["scheme"] + match["rest"]) if match else "?"


def _as_tuple(values: str | tuple[str, ...]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else values
