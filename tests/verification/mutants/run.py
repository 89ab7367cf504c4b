"""The program of `make mutants`: removes each safeguard in turn, and checks that a test fails.

The code is copied and changed there; what is installed stays as it is.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from verification.mutants.mutant import Mutant
from verification.mutants.safeguards import MUTANTS

ROOT = Path(__file__).parents[3]
SECONDS = 300
PYTEST = (
    *("-q", "-x", "--no-header", "-p", "no:cacheprovider", "--numprocesses", "0"),
    *("--hypothesis-profile", "first"),
)

SCRIPTS = "fhirexport_server/store/migrations/scripts.py"
SCHEMA_AT_ONCE = """
from fhirexport_server.store.schema import ddl

def run(bind, name):
    connection = bind.execution_options(no_parameters=True)
    for statement in ddl.statements(connection.dialect.name) if name == "r0001" else ():
        connection.exec_driver_sql(statement)
"""
"""In place of the migrations: the first makes the whole schema, the others nothing."""


def main() -> int:
    """Runs the mutants; returns how many were not noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only the mutants whose names have one of these words")
    words = parser.parse_args().words
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    console = Console()
    unnoticed = 0
    for mutant in chosen:
        begun = time.monotonic()
        noticed = _noticed(mutant)
        unnoticed += not noticed
        verdict = "[green]noticed[/]  " if noticed else "[red]NOT NOTICED[/]"
        console.print(f"{verdict} {time.monotonic() - begun:5.1f} s  {mutant.name} ({mutant.noticed_by})")
    console.print(f"{len(chosen)} safeguards taken away, {unnoticed} of them unnoticed")
    return unnoticed


def _noticed(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory(prefix="fhirexport-mutant-") as directory:
        server = Path(directory) / "server"
        shutil.copytree(ROOT / "server", server, ignore=shutil.ignore_patterns("__pycache__"))
        file = server / mutant.file
        code = file.read_text()
        if code.count(mutant.safeguard) != 1:
            raise SystemExit(f"{mutant.file} does not have the safeguard of: {mutant.name}")
        file.write_text(code.replace(mutant.safeguard, mutant.without))
        if mutant.is_of_schema:
            (server / SCRIPTS).write_text(SCHEMA_AT_ONCE)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *PYTEST, mutant.noticed_by],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(server)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        # 1 is a failed test; anything else is a mutant that does not even run, or tests that do not.
        if done.returncode not in {0, 1}:
            raise SystemExit(f"pytest ended with {done.returncode}: {mutant.name}\n{done.stdout[-2000:]}")
        return done.returncode == 1


if __name__ == "__main__":
    sys.exit(main())
