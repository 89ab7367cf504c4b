"""Connections of an attacker, side by side, each made anew when the server has ended it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import grpc
from h2.exceptions import H2Error
from support import attacking
from support.attacking import Connection, Stream
from verification.siege import reaching
from verification.siege.plan import Assault

PAUSE = 0.05
"""How long after a connection was lost the next one is made, in seconds."""
_CODES = {str(code.value[0]): code.name for code in grpc.StatusCode}

Work = Callable[[Connection, int], Awaitable[None]]


async def lanes(
    assault: Assault, count: int, work: Work, *, window: int = attacking.WINDOW, grants: bool = True
) -> None:
    """Do some work again and again on each of some connections, while the attack goes on.

    Args:
        assault: the attack.
        count: how many connections there are at once.
        work: what is done with one, which has the number that is given as well.
        window: how many bytes of each stream the server may send unasked.
        grants: whether it may send more once these were taken.
    """

    async def lane(number: int) -> None:
        while assault.goes_on:
            try:
                async with reaching.connected(
                    assault.plan.target, window=window, grants=grants, source=source(number)
                ) as connection:
                    while not connection.closed.is_set() and assault.goes_on:
                        await work(connection, number)
                        await asyncio.sleep(assault.plan.pause)
            except (OSError, H2Error):
                assault.sent.ended("connection lost")
                await asyncio.sleep(PAUSE)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(lane(number))


def source(number: int) -> str | None:
    """Return the address that a connection comes from: every fourth has that of the well-behaved caller."""
    return f"127.0.0.{1 + number % 4}" if sys.platform == "linux" else None


def outcome(stream: Stream) -> str:
    """Return how a call ended."""
    if stream.status is not None:
        return _CODES.get(stream.status, stream.status)
    return "no status" if stream.reset is None else f"reset {stream.reset}"


async def ended(assault: Assault, connection: Connection, number: int) -> None:
    """Wait for the end of a call, and count how it ended."""
    stream = await connection.answered(number)
    assault.sent.ended(outcome(stream))
    del connection.streams[number]
