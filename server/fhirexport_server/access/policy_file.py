"""The file of a policy: TOML, read strictly. What is wrong refuses all of it."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from fhirexport_server.access.policy import (
    CertificateName,
    GrantedRight,
    JwtName,
    Policy,
    PolicyCaller,
    Recognition,
    TokenName,
)
from fhirexport_server.access.right import Right, RightError, parse

LARGEST_BYTES: Final = 1024**2
MOST_CALLERS: Final = 10_000
MOST_RIGHTS: Final = 200_000
"""Of all callers together, those of their roles counted for each."""
_LONGEST_VALUE: Final = 1024
_LONGEST_SHOWN: Final = 60
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DOMAIN: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_NAME_RULE: Final = "must be at most 64 letters, digits and ._- of ASCII, such as laboratory-2"
_CALLER_KEYS: Final = ("name", "certificate", "jwt", "token", "roles", "rights")


class PolicyError(Exception):
    """A policy cannot be used. The message says where and what to do."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


def content(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        PolicyError: It cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise PolicyError(
            path, f"cannot be read ({error.strerror}): name a file that the server may read"
        ) from error
    if len(found) > LARGEST_BYTES:
        raise PolicyError(path, f"must be at most {LARGEST_BYTES} bytes long: give rights by roles")
    return found


def read(found: bytes, path: Path) -> Policy:
    """Return the policy in the content of a file.

    Raises:
        PolicyError: A part of it cannot be used, so that none of it is.
    """
    try:
        document = tomllib.loads(found.decode())
    except UnicodeDecodeError as error:
        line = found.count(b"\n", 0, error.start) + 1
        raise PolicyError(path, f"line {line}: must be UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(path, f"is no TOML: {error}") from None
    except (ValueError, RecursionError):
        raise PolicyError(
            path, "is no TOML of a policy: a number is too long, or brackets are nested too deep"
        ) from None
    try:
        return _policy(document)
    except _Wrong as wrong:
        raise PolicyError(path, str(wrong)) from None


class _Wrong(Exception):  # noqa: N818 - a control flow of this module
    """What is wrong, with its place in the file."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)


def _policy(document: Mapping[str, Any]) -> Policy:
    _known(document, ("roles", "callers"), "")
    roles = _roles(document.get("roles", {}))
    tables = document.get("callers", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _Wrong("callers", "must be tables, each begun by [[callers]]")
    if len(tables) > MOST_CALLERS:
        raise _Wrong("callers", f"must be at most {MOST_CALLERS}")
    callers: list[PolicyCaller] = []
    count = 0
    for position, table in enumerate(tables, 1):
        callers.append(_caller(table, f"callers, table {position}", roles))
        count += len(callers[-1].granted)
        if count > MOST_RIGHTS:
            raise _Wrong(
                "callers", f"must have at most {MOST_RIGHTS} rights together, those of roles counted for each"
            )
    _distinct(callers)
    return Policy(tuple(callers))


def _roles(tables: object) -> dict[str, tuple[Right, ...]]:
    if not isinstance(tables, dict):
        raise _Wrong("roles", "must be a table of names, each with a list of rights")
    roles = {}
    for name, rights in tables.items():
        if not _NAME.fullmatch(name):
            raise _Wrong(f"roles, {_shown(name)}", f"the name {_NAME_RULE}")
        roles[name] = _rights(rights, f"roles, {name}")
    return roles


def _caller(table: Mapping[str, Any], place: str, roles: Mapping[str, tuple[Right, ...]]) -> PolicyCaller:
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _Wrong(f"{place}, name", _NAME_RULE)
    place = f"{place} ({name})"
    _known(table, _CALLER_KEYS, place)
    recognised_by = tuple(_recognitions(table, place))
    if not recognised_by:
        raise _Wrong(place, "must say what it is recognised by: certificate, jwt or token")
    granted = [GrantedRight(right) for right in _rights(table.get("rights", []), f"{place}, rights")]
    for role in _texts(table.get("roles", []), f"{place}, roles"):
        if role not in roles:
            raise _Wrong(f"{place}, roles", f"there is no role {_shown(role)}{_near(role, roles)}")
        granted += [GrantedRight(right, role) for right in roles[role]]
    return PolicyCaller(name, recognised_by, tuple(granted))


def _recognitions(table: Mapping[str, Any], place: str) -> Iterator[Recognition]:
    if "certificate" in table:
        fields = _table(table, "certificate", ("san", "subject", "issuer"), place)
        yield _certificate(fields, f"{place}, certificate")
    if "jwt" in table:
        fields = _table(table, "jwt", ("issuer", "subject"), place)
        if len(fields) != len(("issuer", "subject")):
            raise _Wrong(f"{place}, jwt", "must have an issuer and a subject: the iss and sub of the token")
        yield JwtName(**fields)
    if "token" in table:
        yield TokenName(_value(table["token"], f"{place}, token"))


def _certificate(fields: Mapping[str, str], place: str) -> CertificateName:
    if ("san" in fields) == ("subject" in fields):
        raise _Wrong(place, "must have a san, such as laboratory.example.org, or a subject with its issuer")
    if "san" in fields:
        san = fields["san"]
        if _DOMAIN.fullmatch(san) and san != san.lower():
            raise _Wrong(f"{place}, san", "must be in lower case, as names of DNS are compared")
        return CertificateName(fields["san"], fields.get("issuer"))
    if "issuer" not in fields:
        raise _Wrong(place, "must have an issuer as well: every authority can write any subject")
    return CertificateName(fields["subject"], fields["issuer"])


def _table(table: Mapping[str, Any], key: str, keys: Sequence[str], place: str) -> dict[str, str]:
    value, place = table[key], f"{place}, {key}"
    if not isinstance(value, dict):
        raise _Wrong(place, f'must be a table, such as {{ {keys[0]} = "..." }}')
    _known(value, keys, place)
    return {name: _value(text, f"{place}, {name}") for name, text in value.items()}


def _value(value: object, place: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_VALUE or not value.isprintable():
        raise _Wrong(place, f"must be a text of at most {_LONGEST_VALUE} printable characters")
    if value != value.strip():
        raise _Wrong(place, "must not begin or end with a space: names are compared whole")
    if "*" in value:
        raise _Wrong(place, "must not have a *: names are compared whole; give each caller its own table")
    return value


def _rights(values: object, place: str) -> tuple[Right, ...]:
    rights: dict[str, Right] = {}
    for position, text in enumerate(_texts(values, place), 1):
        try:
            right = parse(text)
        except RightError as error:
            raise _Wrong(f"{place}, value {position}", f"{_shown(text)} {error}") from None
        if text in rights:
            raise _Wrong(f"{place}, value {position}", f"{_shown(text)} is there twice: remove one")
        rights[text] = right
    return tuple(rights.values())


def _texts(values: object, place: str) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _Wrong(place, 'must be a list of texts, such as ["..."]')
    return values


def _known(table: Mapping[str, Any], keys: Sequence[str], place: str) -> None:
    for key in table:
        if key not in keys:
            raise _Wrong(place, f"there is no {_shown(key)}{_near(key, keys)}")


def _distinct(callers: Sequence[PolicyCaller]) -> None:
    """Refuse two callers of one name, or who are recognised by the same."""
    names: set[str] = set()
    found: dict[Recognition, str] = {}
    issuers: dict[str, dict[str | None, str]] = {}
    for caller in callers:
        if caller.name in names:
            raise _Wrong("callers", f"two have the name {caller.name}: rename one, or make them one")
        names.add(caller.name)
        for recognition in caller.recognised_by:
            other = found.get(recognition)
            if isinstance(recognition, CertificateName):
                # Without an issuer it is recognised whoever has issued the certificate.
                known = issuers.setdefault(recognition.name, {})
                other = (
                    other
                    or known.get(None)
                    or (next(iter(known.values()), None) if recognition.issuer is None else None)
                )
                known[recognition.issuer] = caller.name
            if other is not None:
                raise _Wrong(
                    "callers",
                    f"{other} and {caller.name} are recognised by the same: nobody could say who calls",
                )
            found[recognition] = caller.name


def _near(name: str, names: Sequence[str] | Mapping[str, object]) -> str:
    near = get_close_matches(name, list(names), n=1)
    choices = ", ".join(sorted(names)[:10])
    if near:
        return f": did you mean {near[0]}?"
    return f": there is {choices}" if choices else ""


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
