"""What a part of the bench has measured: for the terminal, for `bench.json` and for its plots."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table
from verification.bench.measuring import machine
from verification.bench.measuring.plot import Plot


@dataclass
class Results:
    """The results of one part."""

    tables: list[Table] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)
    """By name, such as `sqlite 205 KB JSON`; numbers, lists and mappings of them."""
    plots: dict[str, Plot] = field(default_factory=dict)
    """By the names of their files, without the ending."""

    def keep(self, part: str, seconds: float, directory: Path) -> None:
        """Writes the plots, and the figures into `bench.json` in place of the part's former ones."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, plot in self.plots.items():
            (directory / f"{name}.svg").write_text(plot.svg())
        file = directory / "bench.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        known[part] = {"machine": machine.facts(), "seconds": round(seconds), "figures": self.figures}
        file.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
