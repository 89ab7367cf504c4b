"""The audit record of an operator's action on the cache."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AuditEntry:
    """An action: who did what, to what, and why."""

    actor: str
    """Who it was: the key of its identity, or where nobody is asked, the address of the peer."""
    action: str
    """`invalidate` or `flush`."""
    scope: str
    """The pattern."""
    matched: int
    """The number of an EJ's exports that matched."""
    reason: str
    """The reason in the operator's words; may be empty."""
    request_id: str
