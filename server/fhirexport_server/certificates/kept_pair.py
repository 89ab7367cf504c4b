"""The pair that the server uses: read again while it runs, replaced by a good one, kept before a bad one."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import structlog

from fhirexport_server.certificates.key_pair import (
    CertificateError,
    CertificateFile,
    KeyPair,
    checked,
    contents,
)
from fhirexport_server.runtime.reading.kept_content import KeptContent, LoadOutcome

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

CHECK_SECONDS: Final = 1.0
"""How often the files are read. They are small; times of modification are not relied on."""
_Found = Mapping[CertificateFile, bytes] | tuple[CertificateFile, str]


class KeptPair:
    """A pair in use, and the files that it comes from."""

    def __init__(self, paths: Mapping[CertificateFile, Path], noted: Callable[[LoadOutcome], None]) -> None:
        """Read the files.

        Args:
            paths: The files.
            noted: Is told how each new content of the files was taken.

        Raises:
            CertificateError: A file cannot be used.
        """
        self.paths = paths
        self._noted = noted
        self._kept = KeptContent(self._contents(), _pair, CertificateError)

    @property
    def current(self) -> KeyPair:
        """What new connections use."""
        return self._kept.current

    @property
    def refusing(self) -> bool:
        """Whether the files hold something that cannot be used."""
        return self._kept.refusing

    def seconds_left(self, file: CertificateFile) -> float:
        """Return the seconds until a file's certificates expire; infinity without a file."""
        expiry = self.current.expiry.get(file)
        return float("inf") if expiry is None else (expiry - datetime.now(UTC)).total_seconds()

    def check(self) -> None:
        """Read the files, and replace the pair if they hold another good one.

        They are written one after the other. And a pair that is not valid yet becomes good by itself.
        """
        try:
            is_new = self._kept.offer(self._contents())
        except CertificateError as error:
            self._noted("refused")
            kept_until = self.current.expiry[CertificateFile.CERTIFICATE].isoformat()
            _log.error("certificate_refused", file=error.file, problem=error.problem, kept_until=kept_until)
            return
        if is_new:
            self._noted("loaded")
            expires = self.current.expiry[CertificateFile.CERTIFICATE].isoformat()
            _log.info("certificate_loaded", expires=expires)

    async def run(self) -> NoReturn:
        """Check for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await asyncio.to_thread(self.check)

    def _contents(self) -> _Found:
        """Return what the files hold, or which cannot be used, and why."""
        try:
            return contents(self.paths)
        except CertificateError as error:
            return error.file, error.problem


def _pair(found: _Found) -> KeyPair:
    if isinstance(found, tuple):
        raise CertificateError(*found)
    return checked(found, datetime.now(UTC))
