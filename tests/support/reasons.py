"""The table of errors in docs/api.md."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Row:
    """What is said of one reason."""

    code: str
    metadata: frozenset[str]
    details: frozenset[str]


def documented() -> dict[str, Row]:
    """Return what the page says of each reason."""
    table = re.findall(
        r"^\| `([A-Z_]+)` \| `([A-Z_]+)` \| (.*?) ?\| (.*?) ?\|",
        (ROOT / "docs/api.md").read_text(),
        re.MULTILINE,
    )
    return {reason: Row(code, _names(metadata), _names(details)) for reason, code, metadata, details in table}


def _names(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`(\w+)`", cell))
