"""A policy: who the callers are, how each is recognised, and what it may do."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fhirexport_server.access.right import Right
from fhirexport_server.domain.identity import Identity


@dataclass(frozen=True)
class CertificateName:
    """A name in a client's certificate. It is compared whole, never a part."""

    name: str
    """A subject alternative name, or the subject (RFC 4514)."""
    issuer: str | None = None
    """The issuer (RFC 4514); None: any authority that the server trusts."""


@dataclass(frozen=True)
class JwtName:
    """The `iss` and `sub` of a JWT."""

    issuer: str
    subject: str


@dataclass(frozen=True)
class TokenName:
    """The name of a static token."""

    name: str


Recognition = CertificateName | JwtName | TokenName


@dataclass(frozen=True)
class GrantedRight:
    """A right of a caller, and where the policy grants it."""

    right: Right
    role: str | None = None
    """The role that it comes from; None: it is the caller's own."""


@dataclass(frozen=True)
class PolicyCaller:
    """A caller of the policy."""

    name: str
    recognised_by: tuple[Recognition, ...]
    """What it proves itself with; any one is enough."""
    granted: tuple[GrantedRight, ...]


@dataclass(frozen=True)
class Policy:
    """Everything that is granted. Whoever it does not name may do nothing."""

    callers: tuple[PolicyCaller, ...]
    finess: frozenset[str] = field(init=False, repr=False)
    """The FINESS numbers in all rights."""
    _by_name: Mapping[str, tuple[tuple[str | None, PolicyCaller], ...]] = field(init=False, repr=False)
    """The callers of each name of a certificate, each with the issuer that it must be of."""
    _by_other: Mapping[Recognition, PolicyCaller] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_name: dict[str, tuple[tuple[str | None, PolicyCaller], ...]] = {}
        by_other: dict[Recognition, PolicyCaller] = {}
        for caller in self.callers:
            for recognition in caller.recognised_by:
                if isinstance(recognition, CertificateName):
                    former = by_name.get(recognition.name, ())
                    by_name[recognition.name] = (*former, (recognition.issuer, caller))
                else:
                    by_other[recognition] = caller
        named = (granted.right.ej for caller in self.callers for granted in caller.granted)
        object.__setattr__(self, "finess", frozenset(ej for ej in named if isinstance(ej, str)))
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_by_other", by_other)

    def matching(self, identity: Identity) -> tuple[PolicyCaller, ...]:
        """Return the callers that an identity is. Several where its certificate has their names."""
        if identity.proof == "certificate":
            return _distinct(self._of_certificate(identity))
        is_jwt = identity.proof == "jwt"
        shown = JwtName(identity.issuer, identity.subject) if is_jwt else TokenName(identity.subject)
        caller = self._by_other.get(shown)
        return () if caller is None else (caller,)

    def caller(self, identity: Identity) -> PolicyCaller | None:
        """Return the caller that an identity is. None where it is none, or more than one."""
        callers = self.matching(identity)
        return callers[0] if len(callers) == 1 else None

    def _of_certificate(self, identity: Identity) -> Iterator[PolicyCaller]:
        for name in identity.names:
            for issuer, caller in self._by_name.get(name, ()):
                if issuer is None or issuer == identity.issuer:
                    yield caller


def _distinct(callers: Iterable[PolicyCaller]) -> tuple[PolicyCaller, ...]:
    return tuple({caller.name: caller for caller in callers}.values())
