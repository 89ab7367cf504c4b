"""`fhirexport doctor`: the findings of the checks, for people and for scripts, and the exit status."""

from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fhirexport.cli.common import AsJson
from fhirexport.cli.connecting import Connection
from fhirexport.cli.diagnosis.checks import examine
from fhirexport.cli.diagnosis.findings import Finding, Level
from fhirexport.cli.output import print_json

_LEVELS: tuple[Level, ...] = ("ok", "warning", "problem")
_STYLES: dict[Level, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(connection: Connection, *, as_json: AsJson = False) -> None:
    """Look for what is wrong, and say what to do; exit status 1 when there is a problem."""
    findings: list[Finding] = []
    console = Console()
    for finding in examine(connection.server, calls=connection.calls):
        findings.append(finding)
        if not as_json:
            console.print(_shown(finding))
    level = max((finding.level for finding in findings), key=_LEVELS.index)
    if as_json:
        print_json(
            {
                "address": connection.address,
                "level": level,
                "findings": [asdict(finding) for finding in findings],
            }
        )
    raise typer.Exit(1 if level == "problem" else 0)


def _shown(finding: Finding) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=max(map(len, _LEVELS)))
    grid.add_column(width=len("connection"))
    grid.add_column()
    grid.add_row(
        Text(finding.level, style=_STYLES[finding.level]), Text(finding.check), Text(finding.message)
    )
    if finding.advice:
        grid.add_row("", Text("do:"), Text(finding.advice))
    return grid
