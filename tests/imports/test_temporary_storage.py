"""Shows that an import which meets a full disk says so, wherever it notices it, and leaves nothing."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from fhirexport_server.domain.errors import TemporaryStorageError
from fhirexport_server.imports.sources import line_files
from imports.hospital import EJ
from support.importing import Exported, exported, import_lines


@pytest.mark.parametrize("buffering", [0, 1_000_000], ids=["as it is written", "as it is read"])
async def test_a_full_disk_is_told_as_that(
    buffering: int,
    new_database: Callable[[str], str],
    small_exports: dict[int, Exported],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> IO[bytes]:
        if buffering:
            return Path("/dev/full").open("r+b", buffering)
        return Path("/dev/full").open("r+b", 0)

    monkeypatch.setattr(line_files, "MEMORY_BYTES", 100)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    url = new_database("sqlite")
    with pytest.raises(TemporaryStorageError, match="ENOSPC"):
        await import_lines(url, b"".join(small_exports[EJ]))
    assert await exported(url) == {}
