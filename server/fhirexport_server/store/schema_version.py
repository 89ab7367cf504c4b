"""The revision of the schema that this release is written for, and those that it can serve."""

HEAD = "0004"
"""A test compares it with the newest migration.

A revision that only expands the one before it has a number after a point: `0004.1` is all that `0004` is,
and more.
What takes something away, or changes what counts, is `0005`.
"""


def serves(revision: str, head: str = HEAD) -> bool:
    """Whether a server written for `head` can serve a schema: that one, or one that is expanded further."""
    (base, expansions), (found, found_expansions) = _parts(head), _parts(revision)
    return found == base and found_expansions >= expansions


def _parts(revision: str) -> tuple[str, int]:
    base, _, expansions = revision.partition(".")
    return (base, int(expansions)) if expansions.isdecimal() else (revision, 0)
