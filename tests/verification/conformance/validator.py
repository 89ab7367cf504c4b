"""Calls the independent validator: where it is, how many at once, what counts as an error."""

import asyncio
import json
import os
import re
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

FAST = "fhirkit,extbind,bundle"
SLOW = "pyrofile,medplum,lantana"
AT_ONCE = 2
"""How many validators run side by side: each takes one core."""
_ERRORS = ("error", "fatal")
# What a validator says although it is not so, each with the reason.
_KNOWN_FALSE = (
    # The profile of ContactPoint allows one system and one value for each; the tool counts those of all
    # telecoms of a contact together. The other validators find nothing.
    ("pyrofile", re.compile(r"at most 1 value\(s\) for Patient\.contact\.telecom\.(system|value)$")),
)
_CANARY = {
    "resourceType": "Patient",
    "id": "wrong",
    "meta": {"profile": ["https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient"]},
    "name": [{"use": "official", "family": "X", "given": ["Y"]}],
    "gender": "autre",
    "birthDate": "31/12/1999",
    "telecom": [{"system": "phone"}],
}


class NotTrustedError(Exception):
    """The validator does not work: it fails, or it sees nothing wrong with what is wrong."""


class Complaint(NamedTuple):
    """What a tool has against a file."""

    file: Path
    tool: str
    path: str
    text: str

    @property
    def entry(self) -> int | None:
        """Which entry of the Bundle it is about; None for the Bundle itself."""
        found = re.search(r"entry\[(\d+)\]", self.path)
        return int(found[1]) if found else None


@dataclass
class Validator:
    """The command, and a folder of our own."""

    command: Path
    directory: Path
    known_false: int = 0
    """How many errors were left out because they are known to be false."""

    async def prove(self) -> None:
        """Sets the validator up, and sees whether it finds what is wrong.

        Raises:
            NotTrustedError: it does not.
        """
        canary = self.directory / "canary.json"
        canary.write_text(json.dumps(_CANARY))
        tools = {complaint.tool for complaint in await self._run(f"{FAST},{SLOW}", [canary])}
        if not tools >= {"fhirkit", "pyrofile", "medplum", "lantana"}:
            raise NotTrustedError("it finds nothing wrong with a wrong patient")

    async def complaints(self, tools: str, files: Sequence[Path]) -> list[Complaint]:
        """Returns the errors that these tools find in these files."""
        shares = [files[start::AT_ONCE] for start in range(AT_ONCE)]
        answers = await asyncio.gather(*(self._run(tools, share) for share in shares if share))
        return [complaint for answer in answers for complaint in answer]

    async def _run(self, tools: str, files: Sequence[Path]) -> list[Complaint]:
        process = await asyncio.create_subprocess_exec(
            self.command, "--json", "--tools", tools, *files, stdout=PIPE, stderr=PIPE
        )
        output, errors = await process.communicate()
        try:
            answer = json.loads(output)
        except ValueError:
            raise NotTrustedError(errors.decode(errors="replace")[-2000:]) from None
        return list(self._errors(answer))

    def _errors(self, answer: dict[str, dict[str, list[tuple[str, str, str]]]]) -> Iterator[Complaint]:
        for file, by_tool in answer.items():
            for tool, issues in by_tool.items():
                for severity, path, text in issues:
                    if severity == "tool-failure":
                        raise NotTrustedError(f"{tool}: {text}")
                    if severity not in _ERRORS:
                        continue
                    if any(tool == name and pattern.search(text) for name, pattern in _KNOWN_FALSE):
                        self.known_false += 1
                    else:
                        yield Complaint(Path(file), tool, path, text)


def find(root: Path) -> Path | None:
    """Returns the validator's command; None where there is none.

    Raises:
        NotTrustedError: FR_CORE_CHECK names none.
    """
    named = os.environ.get("FR_CORE_CHECK")
    command = Path(named) if named else root.parent / "shared" / "fr-core" / "validator" / "check"
    if command.is_file():
        return command.resolve()
    if named:
        raise NotTrustedError(f"FR_CORE_CHECK names no file: {named}")
    return None
