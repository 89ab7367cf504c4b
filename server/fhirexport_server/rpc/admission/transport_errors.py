"""The errors that only a transport has: what a caller is refused for before, or after, its request counts."""

from dataclasses import dataclass

from fhirexport_server.domain.errors import FhirExportError


@dataclass(eq=False)
class SlowClientError(FhirExportError):
    """The client did not accept a message of its answer in time."""

    limit_seconds: float


@dataclass(eq=False)
class IdleClientError(FhirExportError):
    """The client did not send the next message of its request in time."""

    limit_seconds: float


@dataclass(eq=False)
class TooManyCallsError(FhirExportError):
    """Every place for a call is taken, of this peer or of everybody."""

    limit: int
    retry_after_seconds: float = 1.0


@dataclass(eq=False)
class TooManyBytesError(FhirExportError):
    """What is on its way to callers, or from them, takes as much memory as it may."""

    limit_bytes: int
    retry_after_seconds: float = 1.0
