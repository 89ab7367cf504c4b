"""Shows that a fork of a process that uses gRPC has no thread of gRPC's, which could crash it."""

import os

import psutil
from support.echo import ECHO, channel_to, echoing, method


async def test_a_fork_has_one_thread() -> None:
    async with echoing() as (port, _), channel_to(port) as channel:
        for _ in range(5):
            await method(channel, ECHO)(b"")
            pid = os.fork()
            if pid == 0:
                os._exit(psutil.Process().num_threads())
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1  # noqa: ASYNC222 - it ends at once
