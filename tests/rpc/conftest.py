"""The server that the tests of rpc share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fhirexport_server.settings import Settings
from support.admin import Server, serving
from support.valkey import Valkey


@pytest.fixture
async def server(sixty_url: str, valkey: Valkey) -> AsyncIterator[Server]:
    """A server of sixty patients with an empty Valkey, as an operator reaches it."""
    async with serving(sixty_url, valkey.url) as server:
        yield server


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from where the tests happen to run."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
