"""Keys of temporary files, which nobody can read but the process that writes them."""

import errno
import os
import secrets

from fhirexport_server.sealing.key_ring import KEY_BYTES, KeyRing, SealingKey, UnsealError


class EphemeralKey:
    """The key of one temporary file. It is in memory alone: what it has sealed is lost with it."""

    def __init__(self) -> None:
        self._ring = KeyRing([SealingKey("-", secrets.token_bytes(KEY_BYTES))], b"")

    def seal(self, position: int, clear: bytes) -> bytes:
        """Return the clear text, sealed for a position in the file."""
        return self._ring.seal((b"%d" % position,), clear)

    def unseal(self, position: int, sealed: bytes) -> bytes:
        """Return the clear text.

        Raises:
            OSError: The file does not hold what was written at this position.
        """
        try:
            return self._ring.unseal((b"%d" % position,), sealed)
        except UnsealError:
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from None
