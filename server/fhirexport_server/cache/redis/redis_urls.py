"""Which Redis URLs are accepted: their options are those of the driver that do not change its answers."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from fhirexport_server.runtime import url_options
from fhirexport_server.runtime.listening import is_this_machine
from fhirexport_server.runtime.url_options import FLAG, TEXT, number, one_of

URL: Final = re.compile(
    r"(?P<scheme>rediss?://)(?P<user>[^@/?#\s]*@)?(?P<rest>(\[[0-9A-Fa-f:.]+\]|[^:/?@#\s]+)(:\d{1,5})?(/\d{0,5})?)"
    r"(?P<query>\?[^#\s]*)?|(?P<socket>unix://)(?P<login>[^@/?#\s]*@)?(?P<path>/[^?#\s]+)(\?[^#\s]*)?"
)
"""The form of a URL; its options are looked at apart."""
_LARGEST_PORT: Final = 65_535
_ANYWHERE: Final = {"db": number(0, _LARGEST_PORT), "username": TEXT, "password": TEXT}
_TLS: Final = {
    "ssl_cert_reqs": one_of("none", "optional", "required"),
    "ssl_check_hostname": FLAG,
    "ssl_ca_certs": TEXT,
    "ssl_ca_path": TEXT,
    "ssl_certfile": TEXT,
    "ssl_keyfile": TEXT,
    "ssl_password": TEXT,
}
OPTIONS: Final = {
    "redis": {**_ANYWHERE, "socket_keepalive": FLAG},
    "rediss": {**_ANYWHERE, "socket_keepalive": FLAG, **_TLS},
    "unix": _ANYWHERE,
}
"""By scheme. Timeouts have settings of their own, and the cache itself sets how replies are decoded."""
_KNOWN: Final = (
    "decode_responses encoding encoding_errors protocol legacy_responses parser_class ssl client_name "
    "socket_keepalive socket_read_size socket_type retry retry_on_timeout retry_on_error max_connections "
    "connection_class health_check_interval credential_provider ssl_ciphers ssl_min_version ssl_ca_data"
).split()
_TIMES: Final = {
    "socket_timeout": "REDIS_SOCKET_TIMEOUT",
    "socket_connect_timeout": "REDIS_SOCKET_CONNECT_TIMEOUT",
    "timeout": "CACHE_BUDGET",
}


def refusal(url: str) -> str | None:
    """Return what is wrong with a Redis URL's port and options, None where nothing is.

    It quotes no value: any may be a part of a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"has a port that must be from 1 to {_LARGEST_PORT}, or an address in brackets that is none"
    if port == 0:
        return f"has a port that must be from 1 to {_LARGEST_PORT}"
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    for name, _ in pairs:
        if setting := _TIMES.get(name):
            return f"must not have the option {name}: set {setting}"
        if parts.scheme == "redis" and (name in _TLS or name == "ssl"):
            return f"must not have the option {name}: it is rediss:// that means TLS"
    accepted = OPTIONS[parts.scheme]
    return url_options.refusal(
        pairs, accepted, [*_KNOWN, *_TLS], f"{parts.scheme}:// takes {', '.join(accepted)}"
    )


def is_confidential(url: str) -> bool:
    """Return whether nobody on the way to Redis can read what is kept there: TLS, or it is this machine."""
    parts = urlsplit(url)
    return parts.scheme != "redis" or is_this_machine(parts.hostname or "")


def redacted(url: str) -> str:
    """Return a Redis URL without its user, password and query."""
    match = URL.fullmatch(url)
    if match is None:
        return "?"
    return match["scheme"] + match["rest"] if match["scheme"] else match["socket"] + match["path"]
