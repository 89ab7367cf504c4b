"""Wires the audit trail: where it is written, and how it is told of."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from fhirexport._version import __version__
from prometheus_client import CollectorRegistry

from fhirexport_server.audit.finess_numbers import EjLookup, FinessNumbers
from fhirexport_server.audit.line_chain import ChainInUseError
from fhirexport_server.audit.lines import ChainLink
from fhirexport_server.audit.trail import AuditTrail
from fhirexport_server.audit_settings import AuditDirectoryError
from fhirexport_server.rpc.audit.call_audit import CallAudit
from fhirexport_server.settings import Settings
from fhirexport_server.telemetry.audit_metrics import AuditMetrics

NO_AUDIT = "audit: other machines reach this server, and no audit trail is kept; set AUDIT_DIRECTORY"
"""A warning of the cache's health, which `fhirexport doctor` shows as one of the audit."""
_MOST_CHAINS = 100
"""How many processes may write to one directory."""
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Auditing:
    """The audit trail of one server."""

    calls: CallAudit
    """What calls are written down with."""
    _trail: AuditTrail
    _numbers: FinessNumbers

    def works(self) -> Sequence[tuple[str, Coroutine[Any, Any, Any]]]:
        """Return what has to run while the server does, with names."""
        return [("audit", self._trail.run()), ("audit-finess", self._numbers.run())]


@asynccontextmanager
async def open_auditing(
    settings: Settings, registry: CollectorRegistry, database: EjLookup
) -> AsyncIterator[Auditing | None]:
    """Open the audit trail; None where the settings have none. Leave the context when no call is left.

    Raises:
        AuditDirectoryError: It cannot be written.
    """
    metrics = AuditMetrics(registry)
    directory = settings.audit_path
    if directory is None:
        if settings.lacks_audit:
            _log.warning("no_audit", effect="who is given what is not kept", remedy="set AUDIT_DIRECTORY")
        yield None
        return
    trail = await asyncio.to_thread(_started, settings, directory, metrics, asyncio.get_running_loop())
    metrics.watch(lambda: not trail.is_writable)
    numbers = FinessNumbers(database)
    _log.info("audit", directory=str(directory), head=str(trail.chain.head))
    try:
        yield Auditing(CallAudit(trail, numbers.of), trail, numbers)
    finally:
        await asyncio.to_thread(trail.stop)
        _log.info("audit", directory=str(directory), head=str(trail.chain.head))


def _started(
    settings: Settings, directory: Path, metrics: AuditMetrics, loop: asyncio.AbstractEventLoop
) -> AuditTrail:
    """Return a trail on the first chain that no other process writes."""

    def written(lines: int, seconds: float, _last: ChainLink) -> None:
        metrics.written(lines, seconds)

    for number in range(1, _MOST_CHAINS + 1):
        name = settings.audit_chain if number == 1 else f"{settings.audit_chain}.{number}"
        trail = AuditTrail(
            directory,
            name,
            loop,
            file_bytes=settings.audit_file_bytes,
            version=__version__,
            written=written,
            failed=metrics.failed,
        )
        try:
            trail.start()
        except ChainInUseError:
            continue
        except OSError as error:
            problem = f"cannot be written: {error.strerror or type(error).__name__}"
            raise AuditDirectoryError(directory, problem) from error
        return trail
    raise AuditDirectoryError(directory, f"other servers have {settings.audit_chain} and all names after it")
