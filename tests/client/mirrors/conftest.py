"""The mirror of these tests, and its server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fhirexport.testing import FakeServer
from support.mirroring import NINE, Mirrored


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(chunk_resources=2) as server:
        server.put(1, "patients", NINE)
        yield server


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def mirror(server: FakeServer, tmp_path: Path, request: pytest.FixtureRequest) -> Mirrored:
    """A mirror of the server's patients, not there yet, of one of the two clients."""
    return Mirrored(server.address, tmp_path / "mirror", is_async=request.param)
