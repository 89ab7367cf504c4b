"""Shows that a call is ended for good, and without an error in the log, wherever gRPC is with it."""

import asyncio

import pytest
from fhirexport_server.rpc.admission.keeper import Sweeper
from support.server import PATIENCE


@pytest.mark.parametrize("has_left", [False, True])
@pytest.mark.parametrize("has_answered", [False, True])
async def test_a_call_is_cut_off_whether_its_peer_has_left_or_not(
    *, has_left: bool, has_answered: bool
) -> None:
    """As `_schedule_rpc_coro` of gRPC waits, which logs whatever ends its wait for the handler."""
    sweeper, left, answered = Sweeper(), asyncio.Event(), asyncio.Event()
    logged: list[BaseException] = []

    async def handle() -> None:
        sweeper.end(kept, PATIENCE, lambda: None)
        try:
            await answered.wait()
        except asyncio.CancelledError:
            return

    async def keep() -> None:
        task = asyncio.create_task(handle())
        if has_answered:
            # Others may cut it off before this task goes on.
            task.add_done_callback(lambda _: sweeper.cut(kept))
        await left.wait()
        try:
            await task
        except BaseException as error:
            logged.append(error)
            raise

    if has_left:
        left.set()
    kept = asyncio.create_task(keep())
    await asyncio.sleep(0.01)
    if has_answered:
        answered.set()
    else:
        sweeper.cut(kept)
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait({kept})
    assert (logged, kept.cancelled()) == ([], not has_left)
