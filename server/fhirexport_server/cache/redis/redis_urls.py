"""Which Redis URLs are accepted: their options are those of the driver that do not change its answers."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from fhirexport_server.runtime import url_options
from fhirexport_server.runtime.listening import is_this_machine
from fhirexport_server.runtime.url_options import FLAG, TEXT, number, one_of

_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[^:/?@#,\s\[\]]+)(?::\d{1,5})?"
URL: Final = re.compile(
    rf"(?P<scheme>rediss?://)(?P<user>[^@/?#\s]*@)?(?P<rest>{_HOST}(/\d{{0,5}})?)(?P<query>\?[^#\s]*)?"
    r"|(?P<socket>unix://)(?P<login>[^@/?#\s]*@)?(?P<path>/[^?#\s]+)(\?[^#\s]*)?"
    r"|(?P<tls>rediss?)\+(?P<kind>sentinel|cluster)://(?P<account>[^@/?#\s]*@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?P<place>/[^?#\s]*)?(\?(?P<options>[^#\s]*))?"
)
"""The form of a URL; its options are looked at apart."""
_SERVICE: Final = re.compile(r"/(?P<service>[A-Za-z0-9._-]{1,200})(?:/(?P<db>\d{1,5})?)?", re.ASCII)
"""The path of a URL of Sentinels. The characters are those that Sentinel allows."""
_LARGEST_PORT: Final = 65_535
_MOST_HOSTS: Final = 32
_PORTS: Final = {"sentinel": 26_379, "cluster": 6379}
_LOGIN: Final = {"username": TEXT, "password": TEXT}
_ANYWHERE: Final = {"db": number(0, _LARGEST_PORT), **_LOGIN}
_SENTINEL: Final = {**_LOGIN, "sentinel_username": TEXT, "sentinel_password": TEXT, "socket_keepalive": FLAG}
_CLUSTER: Final = {**_LOGIN, "socket_keepalive": FLAG}
_CLUSTER_TLS: Final = {
    "ssl_cert_reqs": one_of("none", "optional", "required"),
    "ssl_check_hostname": FLAG,
    "ssl_ca_certs": TEXT,
    "ssl_certfile": TEXT,
    "ssl_keyfile": TEXT,
}
_TLS: Final = {**_CLUSTER_TLS, "ssl_ca_path": TEXT, "ssl_password": TEXT}
OPTIONS: Final = {
    "redis": {**_ANYWHERE, "socket_keepalive": FLAG},
    "rediss": {**_ANYWHERE, "socket_keepalive": FLAG, **_TLS},
    "unix": _ANYWHERE,
    "redis+sentinel": _SENTINEL,
    "rediss+sentinel": {**_SENTINEL, **_TLS},
    "redis+cluster": _CLUSTER,
    "rediss+cluster": {**_CLUSTER, **_CLUSTER_TLS},
}
"""By scheme. Timeouts have settings of their own, and the cache itself sets how replies are decoded."""
_KNOWN: Final = (
    "decode_responses encoding encoding_errors protocol legacy_responses parser_class ssl client_name "
    "socket_keepalive socket_read_size socket_type retry retry_on_timeout retry_on_error max_connections "
    "connection_class health_check_interval credential_provider ssl_ciphers ssl_min_version ssl_ca_data "
    "read_from_replicas load_balancing_strategy require_full_coverage address_remap force_master_ip db"
).split()
_TIMES: Final = {
    "socket_timeout": "REDIS_SOCKET_TIMEOUT",
    "socket_connect_timeout": "REDIS_SOCKET_CONNECT_TIMEOUT",
    "timeout": "CACHE_BUDGET",
}


@dataclass(frozen=True)
class Several:
    """The servers of a URL that names several: Sentinels, or servers of a cluster."""

    is_cluster: bool
    is_encrypted: bool
    hosts: tuple[tuple[str, int], ...]
    service: str
    """What Sentinel calls the servers; empty for a cluster."""
    db: int
    username: str | None
    password: str | None
    """Those of the servers that keep data."""
    sentinel_username: str | None
    sentinel_password: str | None
    options: dict[str, Any]
    """The other options, as the driver takes them."""


def refusal(url: str) -> str | None:
    """Return what is wrong with a Redis URL's port and options, None where nothing is.

    It quotes no value: any may be a part of a password.
    """
    match = URL.fullmatch(url)
    if match is not None and match["kind"]:
        return _refusal_of_several(match)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"has a port that must be from 1 to {_LARGEST_PORT}, or an address in brackets that is none"
    if port == 0:
        return f"has a port that must be from 1 to {_LARGEST_PORT}"
    return _refused_option(parts.scheme, parts.query)


def _refusal_of_several(match: re.Match[str]) -> str | None:
    hosts = match["hosts"].split(",")
    if len(hosts) > _MOST_HOSTS:
        return f"has more than {_MOST_HOSTS} hosts: a few are enough to find the others"
    try:
        ports = [urlsplit(f"//{host}").port for host in hosts]
    except ValueError:
        ports = [0]
    if 0 in ports:
        return f"has a port that must be from 1 to {_LARGEST_PORT}, or an address in brackets that is none"
    scheme, place = f"{match['tls']}+{match['kind']}", match["place"] or ""
    if match["kind"] == "sentinel":
        service = _SERVICE.fullmatch(place)
        if service is None or int(service["db"] or 0) > _LARGEST_PORT:
            return (
                "must name the service as Sentinel does, and may name the database: "
                f"{scheme}://host:26379,host2:26379/service/0"
            )
    elif place not in {"", "/", "/0"}:
        return f"must not name a database: {scheme}:// has no other than 0"
    return _refused_option(scheme, match["options"] or "")


def _refused_option(scheme: str, query: str) -> str | None:
    pairs = parse_qsl(query, keep_blank_values=True)
    for name, _ in pairs:
        if setting := _TIMES.get(name):
            return f"must not have the option {name}: set {setting}"
        if scheme.partition("+")[0] == "redis" and (name in _TLS or name == "ssl"):
            encrypted = scheme.replace("redis", "rediss", 1)
            return f"must not have the option {name}: it is {encrypted}:// that means TLS"
    accepted = OPTIONS[scheme]
    return url_options.refusal(pairs, accepted, [*_KNOWN, *_TLS], f"{scheme}:// takes {', '.join(accepted)}")


def several(url: str) -> Several | None:
    """Return the servers of a URL that `refusal` accepts; None where it names a single one."""
    match = URL.fullmatch(url)
    if match is None or not match["kind"]:
        return None
    values = dict(parse_qsl(match["options"] or ""))
    user, _, password = (match["account"] or "").removesuffix("@").partition(":")
    service = _SERVICE.fullmatch(match["place"] or "") if match["kind"] == "sentinel" else None
    return Several(
        is_cluster=match["kind"] == "cluster",
        is_encrypted=match["tls"] == "rediss",
        hosts=tuple(_address(host, _PORTS[match["kind"]]) for host in match["hosts"].split(",")),
        service=service["service"] if service else "",
        db=int(service["db"] or 0) if service else 0,
        username=values.pop("username", None) or unquote(user) or None,
        password=values.pop("password", None) or unquote(password) or None,
        sentinel_username=values.pop("sentinel_username", None),
        sentinel_password=values.pop("sentinel_password", None),
        options={
            name: value == "true" if OPTIONS["rediss"][name] is FLAG else value
            for name, value in values.items()
        },
    )


def _address(host: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{host}")
    return parts.hostname or "", parts.port or port


def is_confidential(url: str) -> bool:
    """Return whether nobody on the way to Redis can read what is kept there: TLS, or it is this machine.

    Sentinels and servers of a cluster name others, which may be anywhere: there, only TLS will do.
    """
    match = URL.fullmatch(url)
    if match is not None and match["kind"]:
        return match["tls"] == "rediss"
    parts = urlsplit(url)
    return parts.scheme != "redis" or is_this_machine(parts.hostname or "")


def redacted(url: str) -> str:
    """Return a Redis URL without its user, password and query."""
    match = URL.fullmatch(url)
    if match is None:
        return "?"
    if match["kind"]:
        return f"{match['tls']}+{match['kind']}://{match['hosts']}{match['place'] or ''}"
    return match["scheme"] + match["rest"] if match["scheme"] else match["socket"] + match["path"]
