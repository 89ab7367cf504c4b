"""What a distribution gets beside its sources: its commit, and compiled modules on request.

hatchling runs it. With COMPILED=1 in the environment, mypyc compiles what `COMPILED` names into the wheel.
That wheel is for one platform and one release of Python, and building it needs a C compiler. The sources of
compiled modules are in it too, and are what tracebacks show.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "fhirexport_server"
IN_SDIST = f"server/{PACKAGE}/commit.txt"
IN_WHEEL = f"{PACKAGE}/commit.txt"
COMPILED = ("fhir/reading", "fhir/rendering", "pam")
"""Packages of pure functions, in which renderings and imports spend most of their time."""
NOT_COMPILED = (
    # Their exceptions have a base class that is not compiled, which mypyc does not do.
    "fhir/reading/json/steps.py",
    "fhir/reading/json/strict_json.py",
    # Nothing but tuples, whose annotations are read, and which would have none.
    "fhir/reading/resources/drafts.py",
)
_TYPES = ("msgspec>=0.20", "mypy>=2.4", "setuptools>=80")
_SETUP = """
from mypyc.build import mypycify
from setuptools import setup

setup(name="compiled", packages=[], ext_modules=mypycify({arguments!r}, opt_level="3", group_name={group!r}))
"""


class CustomBuildHook(BuildHookInterface[BuilderConfig]):
    """Adds the commit, with a plus where there were changes beside it, and what was compiled."""

    def dependencies(self) -> list[str]:
        """Return what is needed to compile."""
        return list(_TYPES) if self._compiles else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add it to what is built; an editable installation is of no commit, and not compiled."""
        if version == "editable":
            return
        included = build_data["force_include"]
        self._temporary = TemporaryDirectory()  # until what is in it is packed
        directory = Path(self._temporary.name)
        if not (Path(self.root) / IN_SDIST).exists():  # a source distribution has it already
            file = directory / "commit.txt"
            file.write_text(f"{self._commit()}\n")
            included[str(file)] = IN_SDIST if self.target_name == "sdist" else IN_WHEEL
        if self._compiles:
            for path in self._compiled(directory):
                included[str(path)] = str(path.relative_to(directory))
            build_data.update(pure_python=False, infer_tag=True)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made for it."""
        del build_data, artifact_path
        if version != "editable":
            self._temporary.cleanup()

    @property
    def _compiles(self) -> bool:
        return self.target_name == "wheel" and os.environ.get("COMPILED") == "1"

    def _compiled(self, directory: Path) -> Iterator[Path]:
        """Compile in a copy, so that no compiled module stays beside a source that is edited later."""
        shutil.copytree(Path(self.root) / "server" / PACKAGE, directory / PACKAGE)
        sources = sorted(
            path.relative_to(directory).as_posix()
            for package in COMPILED
            for path in (directory / PACKAGE / package).rglob("*.py")
            if path.name != "__init__.py"
            and path.relative_to(directory / PACKAGE).as_posix() not in NOT_COMPILED
        )
        arguments = ["--ignore-missing-imports", *sources]
        (directory / "setup.py").write_text(_SETUP.format(arguments=arguments, group="fhirexport"))
        command = (sys.executable, "setup.py", "-q", "build_ext", "--inplace")
        subprocess.run(command, cwd=directory, check=True)
        shutil.rmtree(directory / "build")
        return (path for path in directory.rglob("*") if path.suffix in {".so", ".pyd"})

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
