"""Shows that a fork of a process that uses gRPC has no thread of gRPC's, which could crash it."""

import os

from support.echo import ECHO, channel_to, echoing, method


async def test_a_fork_has_one_thread() -> None:
    async with echoing() as (port, _), channel_to(port) as channel:
        for _ in range(5):
            await method(channel, ECHO)(b"")
            pid = os.fork()
            if pid == 0:
                os._exit(len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1)  # noqa: PTH112, PTH208 - of a fork as little as can be is run
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1  # noqa: ASYNC222 - it ends at once
