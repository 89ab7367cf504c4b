"""The lines of the call in progress in the audit trail."""

import time
from collections.abc import Callable
from typing import Any, Final

import grpc

from fhirexport_server.audit.trail import AuditTrail
from fhirexport_server.domain.errors import AuditUnavailableError
from fhirexport_server.rpc import call
from fhirexport_server.rpc.call import Call, Inner

_PACKAGE: Final = "fhirexport.v1."
_TOLD: Final = (
    "dataset",
    "format",
    "source",
    "etag",
    "resources",
    "bytes",
    "validate_only",
    "created",
    "updated",
    "unchanged",
    "deleted",
    "errors",
    "warnings",
    "exports",
    "told",
)
"""The facts of a call that its last line has. None is a patient's, or free text of the caller."""


class CallAudit:
    """Writes a line before a call has an effect, and one when it ends; or one alone where it has none."""

    def __init__(self, trail: AuditTrail, finess: Callable[[int], str | None]) -> None:
        """Make it.

        Args:
            trail: Where the lines go.
            finess: Returns the FINESS number of an EJ, where it is known.
        """
        self._trail = trail
        self._finess = finess

    async def begin(self, *, ej_id: int | None = None, **what: object) -> None:
        """Write that the call in progress is about to have an effect, unless that is written.

        Args:
            ej_id: The EJ that it is about, where it is about one.
            what: What else it is about. Nothing of a patient, and nothing that the caller wrote freely.

        Raises:
            AuditUnavailableError: It could not be written. The call must have no effect.
        """
        current = call.current()
        if current.is_audited:
            return
        # A caller who leaves during the wait may have its line.
        current.is_audited = True
        try:
            await self._trail.begun({**self._who(current), **self._entity(ej_id), **what})
        except AuditUnavailableError:
            current.is_audited = False
            raise

    async def ends(self, in_progress: Call, inner: Inner) -> bytes:
        """Write how a call ended. The method is a layer of the chain, outside the one that makes statuses."""
        in_progress.audit_id = self._trail.new_call()
        try:
            return await inner()
        finally:
            facts = in_progress.facts
            ej_id = facts.get("ej_id")
            fields: dict[str, Any] = {"status": in_progress.code.name, "reason": in_progress.reason}
            fields |= self._entity(ej_id if isinstance(ej_id, int) else None)
            fields |= {name: facts[name] for name in _TOLD if name in facts}
            if in_progress.is_audited:
                fields["sent_bytes"] = in_progress.sent_bytes
                fields["seconds"] = round(time.monotonic() - in_progress.begun, 3)
                self._trail.ended(_name(in_progress) | fields)
            elif in_progress.code is not grpc.StatusCode.CANCELLED:
                caller = in_progress.identity.key if in_progress.identity else ""
                self._trail.refused(caller, in_progress.reason, self._who(in_progress) | fields)

    async def completes(self, _in_progress: Call, inner: Inner) -> bytes:
        """Let no single response leave without its line. The method is the innermost layer of the chain.

        Raises:
            AuditUnavailableError: It could not be written.
        """
        response = await inner()
        await self.begin()
        return response

    def _who(self, current: Call) -> dict[str, Any]:
        fields: dict[str, Any] = _name(current)
        fields["peer"] = current.peer
        identity = current.identity
        if identity is not None:
            who = {"proof": identity.proof, "subject": identity.subject, "issuer": identity.issuer}
            if identity.token_id:
                who["token_id"] = identity.token_id
            if "caller" in current.facts:
                who["caller"] = str(current.facts["caller"])
            fields["who"] = who
        return fields

    def _entity(self, ej_id: int | None) -> dict[str, Any]:
        if ej_id is None:
            return {}
        finess = self._finess(ej_id)
        return {"ej": ej_id} if finess is None else {"ej": ej_id, "finess": finess}


def _name(current: Call) -> dict[str, Any]:
    return {
        "call": current.audit_id,
        "method": f"{current.service.removeprefix(_PACKAGE)}/{current.method}",
        "request_id": current.request_id,
    }
