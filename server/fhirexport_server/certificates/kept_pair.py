"""The pair that the server uses: read again while it runs, replaced by a good one, kept before a bad one."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, NoReturn

import structlog

from fhirexport_server.certificates.key_pair import (
    CertificateError,
    CertificateFile,
    KeyPair,
    checked,
    contents,
)

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

CHECK_SECONDS: Final = 1.0
"""How often the files are read. They are small; times of modification are not relied on."""
Outcome = Literal["loaded", "refused"]


class KeptPair:
    """A pair in use, and the files that it comes from."""

    def __init__(self, paths: Mapping[CertificateFile, Path], noted: Callable[[Outcome], None]) -> None:
        """Read the files.

        Args:
            paths: The files.
            noted: Is told how each new content of the files was taken.

        Raises:
            CertificateError: A file cannot be used.
        """
        self.paths = paths
        self._noted = noted
        self._found: Mapping[CertificateFile, bytes] | str = contents(paths)
        self._half: Mapping[CertificateFile, bytes] | str | None = None
        self._refused: Mapping[CertificateFile, bytes] | str | None = None
        self.current: KeyPair = checked(self._found, datetime.now(UTC))
        """What new connections use."""

    @property
    def refusing(self) -> bool:
        """Whether the files hold something that cannot be used."""
        return self._refused is not None

    def seconds_left(self, file: CertificateFile) -> float:
        """Return the seconds until a file's certificates expire; infinity without a file."""
        expiry = self.current.expiry.get(file)
        return float("inf") if expiry is None else (expiry - datetime.now(UTC)).total_seconds()

    def check(self) -> None:
        """Read the files, and replace the pair if they hold another good one.

        Files are written one after the other, so what cannot be used is refused, once, when it is still there
        at the next check.
        """
        found: Mapping[CertificateFile, bytes] | str
        try:
            found = contents(self.paths)
            if found == self._found:
                self._half = self._refused = None
                return
            pair = checked(found, datetime.now(UTC))
        except CertificateError as error:
            found = str(error) if isinstance(error.__cause__, OSError) else found
            if found == self._half and found != self._refused:
                self._refused = found
                self._noted("refused")
                kept_until = self.current.expiry[CertificateFile.CERTIFICATE].isoformat()
                _log.error(
                    "certificate_refused", file=error.file, problem=error.problem, kept_until=kept_until
                )
            self._half = found
            return
        self.current, self._found, self._half, self._refused = pair, found, None, None
        self._noted("loaded")
        _log.info("certificate_loaded", expires=pair.expiry[CertificateFile.CERTIFICATE].isoformat())

    async def run(self) -> NoReturn:
        """Check for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await asyncio.to_thread(self.check)
