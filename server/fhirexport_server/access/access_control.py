"""Decisions by a policy: look-ups in tables that are in memory, before anything else is looked up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fhirexport_server.access import scopes
from fhirexport_server.access.policy import Policy, PolicyCaller
from fhirexport_server.access.right import Action, Kind
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset
from fhirexport_server.domain.identity import Identity


@dataclass(frozen=True)
class Reach:
    """The EJs that an action of a caller may reach."""

    every: bool = False
    """Whether it may reach every EJ, those to come as well."""
    ids: frozenset[int] = frozenset()
    """The ids that it may reach, where not every EJ. That one is here does not say that it exists."""

    def holds(self, ej_id: int) -> bool:
        """Return whether an EJ may be reached; EVERY_EJ stands for all of them."""
        return self.every or (ej_id != EVERY_EJ and ej_id in self.ids)

    def __or__(self, other: "Reach") -> "Reach":
        """Return what either reaches."""
        return Reach(self.every or other.every, self.ids | other.ids)


NOWHERE: Final = Reach()


@dataclass(frozen=True)
class _Tables:
    """A policy, and what follows from it where its FINESS numbers are the EJs of some ids."""

    policy: Policy
    ids: Mapping[str, int]
    reaches: Mapping[str, Mapping[Kind, Reach]]
    """What each kind of action of each caller may reach."""


class AccessControl:
    """Decides by a policy, which can be replaced at any moment. Reading takes no lock."""

    def __init__(self, policy: Policy) -> None:
        self._tables = _tables(policy, {})

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._tables.policy

    def name(self, identity: Identity | None) -> str | None:
        """Return the name of the caller that an identity is in the policy; None where it is none."""
        caller = None if identity is None else self._tables.policy.caller(identity)
        return None if caller is None else caller.name

    def has(self, identity: Identity | None, action: Action) -> bool:
        """Return whether a caller has a right to an action, on any dataset and EJ, known or not."""
        tables = self._tables
        caller = None if identity is None else tables.policy.caller(identity)
        if identity is None or caller is None:
            return False
        return any(
            kind[0] is action and scopes.permit(identity.scopes, kind) for kind in tables.reaches[caller.name]
        )

    def reach(self, identity: Identity | None, action: Action, dataset: Dataset | None = None) -> Reach:
        """Return the EJs that an action of a caller may reach."""
        tables, kind = self._tables, (action, dataset)
        caller = None if identity is None else tables.policy.caller(identity)
        if identity is None or caller is None or not scopes.permit(identity.scopes, kind):
            return NOWHERE
        return tables.reaches[caller.name].get(kind, NOWHERE)

    def decide(
        self, identity: Identity | None, action: Action, ej_id: int, dataset: Dataset | None = None
    ) -> bool:
        """Return whether a caller may do something with an EJ; EVERY_EJ stands for all of them."""
        return self.reach(identity, action, dataset).holds(ej_id)

    def replace(self, policy: Policy, ids: Mapping[str, int]) -> bool:
        """Decide by a policy from now on; return whether anything is decided otherwise.

        Args:
            policy: The policy.
            ids: The id of each EJ by its FINESS number. A number that is not there grants nothing.
        """
        former = self._tables
        if policy is former.policy and ids == former.ids:
            return False
        self._tables = _tables(policy, ids)
        return True


def _tables(policy: Policy, ids: Mapping[str, int]) -> _Tables:
    return _Tables(policy, dict(ids), {caller.name: _reaches(caller, ids) for caller in policy.callers})


def _reaches(caller: PolicyCaller, ids: Mapping[str, int]) -> dict[Kind, Reach]:
    every: set[Kind] = set()
    reached: dict[Kind, set[int]] = {}
    for granted in caller.granted:
        ej = granted.right.ej
        for kind in granted.right.kinds:
            found = reached.setdefault(kind, set())
            if ej is None:
                every.add(kind)
            elif isinstance(ej, int):
                found.add(ej)
            elif ej in ids:
                found.add(ids[ej])
    return {kind: Reach(kind in every, frozenset(found)) for kind, found in reached.items()}
