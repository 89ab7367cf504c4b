"""The scopes of SMART Backend Services, which limit what the policy grants (SMART App Launch 2.2)."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

from fhirexport_server.access.right import Action, Kind
from fhirexport_server.domain.datasets import Dataset

TYPES: Final[Mapping[Dataset, tuple[str, ...]]] = {
    Dataset.STRUCTURE: ("Organization", "Location"),
    Dataset.PATIENTS: ("Patient",),
    Dataset.VENUES: ("Encounter",),
}
"""The types of the resources in each dataset. A scope for each of them is needed."""
_ANY_TYPE: Final = "*"
_LETTERS: Final = "cruds"


def _letters(needed: str) -> tuple[str, ...]:
    """Return every writing of permissions that holds these letters, in the order that SMART requires."""
    choices = [(letter,) if letter in needed else ("", letter) for letter in _LETTERS]
    return tuple("".join(letters) for letters in product(*choices))


# SMART 1 wrote `read` for `rs`, `write` for `cud` and `*` for both. A scope with a query, such as
# `system/Encounter.rs?status=finished`, limits in a way that an export does not follow: it fits nothing.
_READING: Final = (*_letters("rs"), "read", "*")
_WRITING: Final = (*_letters("cud"), "write", "*")


def _fitting(types: Sequence[str], permissions: Sequence[str]) -> tuple[frozenset[str], ...]:
    return tuple(
        frozenset(
            f"system/{name}.{permission}" for name in (resource_type, _ANY_TYPE) for permission in permissions
        )
        for resource_type in types
    )


def _fitting_all() -> dict[Kind, tuple[frozenset[str], ...]]:
    fitting: dict[Kind, tuple[frozenset[str], ...]] = {
        # The caches have no resource of FHIR: their scopes are named as the rights are.
        (Action.CACHE_READ, None): (frozenset({Action.CACHE_READ.value, Action.CACHE_ADMIN.value}),),
        (Action.CACHE_ADMIN, None): (frozenset({Action.CACHE_ADMIN.value}),),
        (Action.IMPORT, None): _fitting(
            [resource_type for types in TYPES.values() for resource_type in types], _WRITING
        ),
    }
    for dataset, types in TYPES.items():
        fitting[Action.EXPORT, dataset] = fitting[Action.WATCH, dataset] = _fitting(types, _READING)
    return fitting


_FITTING: Final[Mapping[Kind, tuple[frozenset[str], ...]]] = _fitting_all()
"""For each kind of action, sets of scopes: a token needs one of each set."""


def permit(scopes: frozenset[str] | None, kind: Kind) -> bool:
    """Return whether scopes permit a kind of action. None permits everything: nothing is limited."""
    return scopes is None or not any(map(scopes.isdisjoint, _FITTING[kind]))
