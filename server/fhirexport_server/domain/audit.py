"""Owns what is written down of an operator's action on the cache."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AuditEntry:
    """Who did what, to what, and why."""

    actor: str
    """Who: the peer's address."""
    action: str
    """`invalidate` or `flush`."""
    scope: str
    """The pattern."""
    matched: int
    """How many exports of an EJ it took in."""
    reason: str
    """Why, in the operator's words; empty where none was given."""
    request_id: str
