"""Shows that a client closes also after a call that was cut short while it started."""

import asyncio
import sys
from typing import Final

import pytest
from support.server import PATIENCE, running_server, wait_for_health

# In a process of its own: the channel that is left to itself is never closed, and goes on reconnecting.
# gRPC shares connections by address, so that the next server at this port would seem unreachable for a while.
CUT_SHORT: Final = """
import sys
from fhirexport import Client
from fhirexport._internal import channels

address, asked, *moment = sys.argv[1:]
channels.CLOSING_SECONDS = 0.2

def cut_short(frame, event, _argument):
    if [event, frame.f_code.co_name] == moment:
        sys.setprofile(None)
        raise KeyboardInterrupt

try:
    with Client(address) as client:
        sys.setprofile(cut_short)
        list(client.structure(1) if asked == "stream" else client.entities())
except KeyboardInterrupt:
    print("closed")
"""


@pytest.mark.parametrize(
    ("asked", "moment"),
    [
        # The call is there, and what would see its end is not: as when a signal comes at that moment.
        ("stream", ("call", "_run_channel_spin_thread")),
        ("unary", ("return", "_blocking")),
    ],
)
async def test_a_client_closes_and_its_program_ends(
    asked: str, moment: tuple[str, str], sixty_url: str
) -> None:
    async with running_server(sixty_url) as address:
        await wait_for_health(address)
        command = (sys.executable, "-c", CUT_SHORT, address, asked, *moment)
        program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(PATIENCE):
                said, _ = await program.communicate()
        finally:
            if program.returncode is None:
                program.kill()
    assert (said, program.returncode) == (b"closed\n", 0)
