"""A mutant: the code without one safeguard."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """The code without one safeguard."""

    name: str
    file: str
    """Below `server/`."""
    safeguard: str
    """The code as it is: there exactly once."""
    without: str
    noticed_by: str
    """The tests that fail then: a pytest argument."""
    is_of_schema: bool = False
    """Whether the code makes the schema. Databases are then made by it, not by the migrations' scripts."""
