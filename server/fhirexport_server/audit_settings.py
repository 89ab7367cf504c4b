"""The settings of the audit trail: where it is written."""

from pathlib import Path
from typing import Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from fhirexport_server.audit.files import NAME

NO_AUDIT: Final = "off"
"""The AUDIT_DIRECTORY that keeps no audit trail."""


class AuditDirectoryError(Exception):
    """The audit trail cannot be written, so that the server does not start."""

    def __init__(self, directory: Path, problem: str) -> None:
        super().__init__(f"AUDIT_DIRECTORY {directory}: {problem}")


class AuditSettings(BaseSettings):
    """Whether what callers are given is written down, and where."""

    audit_directory: str | None = None
    """The directory of the audit trail, on a disk of this machine: who was given what is written there before
    it leaves. `off` keeps none. An address that other machines can reach needs one or the other."""
    audit_chain: str = "audit"
    """What the files of this server begin with there. Where another process has the name, `.2` and so on is
    added."""
    audit_file_bytes: int = Field(default=64 * 1024**2, ge=64 * 1024, le=1024**4)
    """The size from which on a file of it is followed by a new one, in bytes."""

    @field_validator("audit_chain")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value) or len(value) > 48:  # noqa: PLR2004 - what is added has room as well
            raise ValueError("must be up to 48 of a-z, 0-9, '.', '_' and '-', such as audit or export-1")
        return value

    @property
    def audit_path(self) -> Path | None:
        """The directory; None where no audit trail is kept."""
        return None if self.audit_directory in {None, NO_AUDIT} else Path(str(self.audit_directory))
