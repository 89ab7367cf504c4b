"""Wires what decides who gets in: certificates, and what callers are looked up in."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from fhirexport_server.certificates.kept_pair import KeptPair
from fhirexport_server.certificates.key_pair import CertificateFile
from fhirexport_server.identities.authenticator import Authenticator
from fhirexport_server.identities.credential_errors import CredentialProblem
from fhirexport_server.identities.sources import SOURCES, IdentitySources, open_sources
from fhirexport_server.rpc.interceptors.authentication import Authentication
from fhirexport_server.settings import Settings
from fhirexport_server.telemetry.security_metrics import SecurityMetrics

_EXPIRING = {
    "certificate": CertificateFile.CERTIFICATE,
    "client_ca": CertificateFile.CLIENT_CA,
    "metrics_ca": CertificateFile.METRICS_CA,
}
"""What may expire, by its name in the metrics."""


@dataclass(frozen=True)
class Callers:
    """Who gets in to one server."""

    certificates: KeptPair | None
    """The server's certificates, where it has any."""
    sources: IdentitySources
    """What callers are looked up in."""
    authentication: Authentication | None
    """What finds out who calls; None where nobody is asked."""

    def works(self) -> Sequence[tuple[str, Coroutine[Any, Any, Any]]]:
        """Return what has to run while the server does, with names."""
        works = [(name, source.run()) for name, source in self.sources.present.items()]
        return works if self.certificates is None else [*works, ("certificates", self.certificates.run())]


def open_callers(settings: Settings, registry: CollectorRegistry) -> Callers:
    """Return who gets in. Call it inside the event loop.

    Raises:
        CertificateError, KeptFileError: A file of certificates, keys or tokens cannot be used.
    """
    metrics = SecurityMetrics(registry, SOURCES, CredentialProblem)
    metrics.insecure(exposed=bool(settings.insecure_addresses))
    sources = open_sources(settings.jwt_jwks, settings.tokens_file, metrics.source_taken)
    for name, source in sources.present.items():
        metrics.watch_source(name, partial(getattr, source, "refusing"))
    authentication = _authentication(settings, sources, metrics.credential_refused)
    return Callers(_certificates(settings, metrics), sources, authentication)


def _certificates(settings: Settings, metrics: SecurityMetrics) -> KeptPair | None:
    if settings.tls_certificate is None:
        return None
    kept = KeptPair(settings.certificate_files, metrics.taken)
    metrics.watch_refusals(lambda: kept.refusing)
    for name, file in _EXPIRING.items():
        metrics.watch(name, partial(kept.seconds_left, file))
    return kept


def _authentication(
    settings: Settings, sources: IdentitySources, refused: Callable[[str], None]
) -> Authentication | None:
    if not settings.asks_who_calls:
        return None
    authenticator = Authenticator(
        certificates=settings.tls_client_ca is not None,
        rules=settings.token_rules,
        keys=sources.keys,
        tokens=sources.tokens,
    )
    return Authentication(authenticator, refused)
