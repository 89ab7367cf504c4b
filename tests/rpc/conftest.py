"""The server that the tests of rpc share."""

from collections.abc import AsyncIterator

import pytest
from support.admin import Server, serving
from support.valkey import Valkey


@pytest.fixture
async def server(sixty_url: str, valkey: Valkey) -> AsyncIterator[Server]:
    """A server of sixty patients with an empty Valkey, as an operator reaches it."""
    async with serving(sixty_url, valkey.url) as server:
        yield server
