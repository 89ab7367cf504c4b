"""A file that is read again while the server runs, and kept as it was while it is wrong."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, NoReturn, TypeVar

import structlog

from fhirexport_server.runtime.reading.kept_content import KeptContent, LoadOutcome
from fhirexport_server.runtime.reading.shared_reading import SharedReading

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

CHECK_SECONDS: Final = 1.0
"""How often a file is read. It is small; times of modification are not relied on."""
_APART_SECONDS: Final = 0.1
_TOO_OPEN: Final = 0o027
"""A group may read: that is how orchestrators mount a secret for a user who does not own it."""
T = TypeVar("T")


class KeptFileError(Exception):
    """A file cannot be used. The message quotes nothing of it."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{setting}: {problem}")
        self.setting = setting
        self.problem = problem


class KeptFile(Generic[T]):
    """What a file holds, and the file."""

    def __init__(
        self,
        path: Path,
        setting: str,
        parse: Callable[[bytes], T],
        *,
        largest: int,
        noted: Callable[[LoadOutcome], None],
        about: str = "identities",
        private: bool = False,
    ) -> None:
        """Read the file.

        Args:
            path: The file.
            setting: The setting that names it.
            parse: Returns what a content means; raises ValueError, whose message quotes nothing of it.
            largest: The most bytes that it may hold.
            noted: Is told how each new content was taken.
            about: What it holds: the events of the log begin with it.
            private: Whether to refuse a file that others than its owner and its group may read, or that
                others than its owner may write.

        Raises:
            KeptFileError: The file cannot be used.
        """
        self._path = path
        self._setting = setting
        self._parse = parse
        self._largest = largest
        self._noted = noted
        self._about = about
        self._private = private
        self._reading = SharedReading(self._read, _APART_SECONDS)
        self._kept = KeptContent(self._content(), self._parsed, KeptFileError)

    @property
    def current(self) -> T:
        """What the file holds, or held when it was good."""
        return self._kept.current

    @property
    def refusing(self) -> bool:
        """Whether the file holds something that cannot be used."""
        return self._kept.refusing

    def check(self) -> None:
        """Read the file, and take what it holds if that is good."""
        try:
            is_new = self._kept.offer(self._content())
        except KeptFileError as error:
            self._noted("refused")
            _log.error(f"{self._about}_refused", setting=self._setting, problem=error.problem)
            return
        if is_new:
            self._noted("loaded")
            _log.info(f"{self._about}_loaded", setting=self._setting)

    async def refreshed(self) -> None:
        """Read the file now, unless it was read a moment ago."""
        await self._reading.ask()

    async def run(self) -> NoReturn:
        """Read the file for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await self._reading.read()

    async def _read(self) -> None:
        await asyncio.to_thread(self.check)

    def _content(self) -> bytes | str:
        """Return what the file holds, or why that cannot be used."""
        try:
            with self._path.open("rb") as opened:
                mode = os.fstat(opened.fileno()).st_mode
                raw = opened.read(self._largest + 1)
        except OSError:
            return "cannot be read"
        if self._private and mode & _TOO_OPEN:
            return "may be read by others, or written by its group: chmod 600 it"
        return raw

    def _parsed(self, found: bytes | str) -> T:
        if isinstance(found, str):
            raise KeptFileError(self._setting, found)
        if len(found) > self._largest:
            raise KeptFileError(self._setting, f"is larger than {self._largest} bytes")
        try:
            return self._parse(found)
        except ValueError as error:
            raise KeptFileError(self._setting, str(error)) from error
