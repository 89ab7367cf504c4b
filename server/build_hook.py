"""Puts the commit that a distribution is built from into it, for `fhirexport-server --version`.

hatchling runs it.
"""

import os
import subprocess
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

IN_SDIST = "server/fhirexport_server/commit.txt"
IN_WHEEL = "fhirexport_server/commit.txt"


class CustomBuildHook(BuildHookInterface[BuilderConfig]):
    """Adds one file: the commit, with a plus where there were changes beside it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add it to what is built; an editable installation is of no commit."""
        if version == "editable" or (Path(self.root) / IN_SDIST).exists():
            return  # a source distribution has it already
        file = Path(mkdtemp()) / "commit.txt"
        file.write_text(f"{self._commit()}\n")
        build_data["force_include"][str(file)] = IN_SDIST if self.target_name == "sdist" else IN_WHEEL

    def _commit(self) -> str:
        if given := os.environ.get("SOURCE_COMMIT"):
            return given
        try:
            commit = self._git("rev-parse", "HEAD")
            return f"{commit}+" if self._git("status", "--porcelain", "--untracked-files=no") else commit
        except (OSError, subprocess.CalledProcessError):
            return "unknown"

    def _git(self, *arguments: str) -> str:
        command = ("git", "-C", self.root, *arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
