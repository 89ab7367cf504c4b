"""Shows that the servers of the tests leave no connection behind, whenever it has come."""

import asyncio
import gc
import socket
import warnings
from contextlib import suppress

import pytest
from support.listening import held, listening
from support.server import PATIENCE


@pytest.mark.parametrize("turns", range(8))
def test_a_connection_that_came_last_ends_with_the_server(turns: int) -> None:
    async def leave() -> socket.socket:
        async with listening(held) as port:
            peer = socket.create_connection(("127.0.0.1", port))
            for _ in range(turns):
                await asyncio.sleep(0)
        peer.settimeout(PATIENCE)
        return peer

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with asyncio.run(leave()) as peer, suppress(ConnectionError):
            assert peer.recv(1) == b""
        gc.collect()
    assert not [one for one in caught if one.category is ResourceWarning]
