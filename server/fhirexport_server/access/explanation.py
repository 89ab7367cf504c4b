"""What a policy says, in words and as data: who may do what, and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fhirexport_server.access import scopes
from fhirexport_server.access.policy import (
    CertificateName,
    JwtName,
    Policy,
    PolicyCaller,
    Recognition,
)
from fhirexport_server.access.right import Action, EjName, Right
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.identity import Identity

_DOES: Final[Mapping[Action, str]] = {
    Action.EXPORT: "export and watch the {datasets} of {ej}",
    Action.WATCH: "watch (and not export) the {datasets} of {ej}",
    Action.IMPORT: "import into, and delete from, {ej}",
    Action.CACHE_READ: "see the cache's entries and figures of {ej}",
    Action.CACHE_ADMIN: "see, invalidate and warm the cache's entries of {ej}",
}
NOBODY: Final = "nobody in this policy: may do nothing"
SEVERAL: Final = "several callers at once, {names}: may do nothing, as nobody could say which it is"


def described(caller: PolicyCaller, granted_scopes: frozenset[str] | None = None) -> dict[str, Any]:
    """Return what a policy says of a caller, as JSON has it.

    Args:
        caller: The caller.
        granted_scopes: The scopes of its token, which limit its rights; None: it has none to limit.
    """
    return {
        "caller": caller.name,
        "recognised_by": [_proof(recognition) for recognition in caller.recognised_by],
        "rights": [
            {
                "right": granted.right.text,
                "role": granted.role,
                "means": meaning(granted.right),
                "permitted": permitted(granted.right, granted_scopes),
            }
            for granted in caller.granted
        ],
    }


def permitted(right: Right, granted_scopes: frozenset[str] | None) -> list[str]:
    """Return what of a right the scopes of a token leave, such as `export patients`."""
    return [
        action.value if dataset is None else f"{action.value} {dataset.value}"
        for action, dataset in right.kinds
        if scopes.permit(granted_scopes, (action, dataset))
    ]


def meaning(right: Right) -> str:
    """Return what a right is to, in words."""
    datasets = [dataset.value for dataset in right.datasets if dataset is not None]
    named = "structure, patients and venues" if len(datasets) == len(Dataset) else "".join(datasets)
    return _DOES[right.action].format(datasets=named, ej=_ej(right.ej))


def lines(explained: Mapping[str, Any]) -> Iterator[str]:
    """Yield the readable lines of what `described` returns."""
    yield explained["caller"]
    for proof in explained["recognised_by"]:
        yield f"  is whoever shows {_shown(proof)}"
    for right in explained["rights"]:
        source = f"role {right['role']}" if right["role"] else "its own"
        yield f"  may {right['means']}"
        yield f"    by {right['right']} ({source})"
        if not right["permitted"]:
            yield "    but not with the scopes of this token"
    if not explained["rights"]:
        yield "  may do nothing: it has no rights"


def of_identity(policy: Policy, identity: Identity) -> tuple[str | None, Sequence[PolicyCaller]]:
    """Return why an identity may do nothing, None where it is one caller; and the callers that it is."""
    callers = policy.matching(identity)
    if not callers:
        return NOBODY, ()
    if len(callers) > 1:
        return SEVERAL.format(names=", ".join(sorted(caller.name for caller in callers))), callers
    return None, callers


def _ej(ej: EjName) -> str:
    if ej is None:
        return "every legal entity"
    return (
        f"the legal entity with the id {ej}" if isinstance(ej, int) else f"the legal entity with FINESS {ej}"
    )


def _proof(recognition: Recognition) -> dict[str, str]:
    match recognition:
        case CertificateName(name, issuer):
            return {"proof": "certificate", "name": name} | ({"issuer": issuer} if issuer else {})
        case JwtName(issuer, subject):
            return {"proof": "jwt", "issuer": issuer, "subject": subject}
        case _:
            return {"proof": "token", "name": recognition.name}


def _shown(proof: Mapping[str, str]) -> str:
    match proof["proof"]:
        case "certificate":
            issuer = (
                f"issued by {proof['issuer']}" if "issuer" in proof else "of any authority of TLS_CLIENT_CA"
            )
            return f"a certificate with the name {proof['name']}, {issuer}"
        case "jwt":
            return f"a JWT of {proof['issuer']} for {proof['subject']}"
        case _:
            return f"the static token {proof['name']}"
