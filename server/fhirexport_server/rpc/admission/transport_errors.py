"""The errors that only a transport has, before or after a request is handled."""

from dataclasses import dataclass

from fhirexport_server.domain.errors import FhirExportError


@dataclass(eq=False)
class SlowClientError(FhirExportError):
    """The client did not accept a message of the response in time."""

    limit_seconds: float


@dataclass(eq=False)
class IdleClientError(FhirExportError):
    """The client did not send the next message of its request in time."""

    limit_seconds: float


@dataclass(eq=False)
class TooManyCallsError(FhirExportError):
    """All places for calls are taken, those of this peer or all together."""

    limit: int
    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class TooManyBytesError(FhirExportError):
    """Messages to or from callers take as much memory as they may."""

    limit_bytes: int
    retry_after_seconds: float = 1.0
