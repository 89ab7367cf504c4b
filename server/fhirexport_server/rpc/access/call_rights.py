"""What the call in progress may do."""

from collections.abc import Callable, Mapping
from typing import Final

from fhirexport_server.access.access_control import NOWHERE, AccessControl, Reach
from fhirexport_server.access.right import Action
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.errors import AccessDeniedError
from fhirexport_server.domain.identity import Identity
from fhirexport_server.rpc import call
from fhirexport_server.rpc.call import Call, Inner

ACTIONS: Final[Mapping[str, Action]] = {
    "fhirexport.v1.ExportService/ListLegalEntities": Action.EXPORT,
    "fhirexport.v1.ExportService/ExportStructure": Action.EXPORT,
    "fhirexport.v1.ExportService/ExportPatients": Action.EXPORT,
    "fhirexport.v1.ExportService/ExportVenues": Action.EXPORT,
    "fhirexport.v1.ExportService/StreamExport": Action.EXPORT,
    "fhirexport.v1.ExportService/WatchExports": Action.WATCH,
    "fhirexport.v1.ImportService/ImportBundle": Action.IMPORT,
    "fhirexport.v1.ImportService/ImportResources": Action.IMPORT,
    "fhirexport.v1.CacheAdmin/GetStats": Action.CACHE_READ,
    "fhirexport.v1.CacheAdmin/GetHealth": Action.CACHE_READ,
    "fhirexport.v1.CacheAdmin/ListEntries": Action.CACHE_READ,
    "fhirexport.v1.CacheAdmin/Invalidate": Action.CACHE_ADMIN,
    "fhirexport.v1.CacheAdmin/Flush": Action.CACHE_ADMIN,
    "fhirexport.v1.CacheAdmin/Warm": Action.CACHE_ADMIN,
}
"""What a caller needs a right to, for each method. A method that is not here is refused to everybody."""


class CallRights:
    """Decides for the call in progress. Every refusal is the same, and is counted."""

    def __init__(self, control: AccessControl, denied: Callable[[Action], None]) -> None:
        """Decide by a policy.

        Args:
            control: Decides.
            denied: Counts a refusal.
        """
        self._control = control
        self._denied = denied

    async def __call__(self, in_progress: Call, inner: Inner) -> bytes:
        """Refuse a call whose caller has no right at all to what the method does: its request is not read.

        The instance is a layer of the chain.

        Raises:
            AccessDeniedError: It has none.
        """
        in_progress.facts["caller"] = self._control.name(in_progress.identity) or "unknown"
        action = ACTIONS.get(f"{in_progress.service}/{in_progress.method}")
        if action is None or not self._control.has(in_progress.identity, action):
            raise self.refusal(action)
        return await inner()

    def reach(self, action: Action, dataset: Dataset | None = None) -> Reach:
        """Return the EJs that the call may reach."""
        return self.reach_of(call.current().identity, action, dataset)

    def reach_of(self, identity: Identity | None, action: Action, dataset: Dataset | None = None) -> Reach:
        """Return the EJs that a caller may reach."""
        return self._control.reach(identity, action, dataset)

    def exported(self) -> Reach:
        """Return the EJs of which it may export anything."""
        reach = NOWHERE
        for dataset in Dataset:
            reach |= self.reach(Action.EXPORT, dataset)
        return reach

    def require(self, action: Action, ej_id: int, dataset: Dataset | None = None) -> None:
        """Make sure that the call may do something with an EJ; EVERY_EJ stands for all of them.

        Raises:
            AccessDeniedError: It may not.
        """
        if not self._control.decide(call.current().identity, action, ej_id, dataset):
            raise self.refusal(action)

    def refusal(self, action: Action | None) -> AccessDeniedError:
        """Count a refusal, and return its error."""
        if action is not None:
            self._denied(action)
        return AccessDeniedError()
