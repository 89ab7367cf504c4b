"""Shows, for a short time, that servers and their processes are restarted without a failed call."""

import asyncio
import json
import signal
from pathlib import Path

import psutil
import pytest
from support.server import PATIENCE, server_process
from verification.rolling.calling import Tally
from verification.rolling.run import Options, Outcome, rolled, services


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "options",
    [
        Options(seconds=0, rate=40, ways=("stop", "kill", "kill", "stop")),
        Options(seconds=0, rate=40, servers=1, workers=2, ways=("roll",), settling=1),
    ],
    ids=["servers", "processes"],
)
async def test_no_call_fails(options: Options, tmp_path: Path) -> None:
    with services() as (url, redis_url):
        outcome = await rolled(url, redis_url, tmp_path, options)
    assert outcome.tally.failed == []
    assert outcome.tally.wrong == []
    assert outcome.is_good


def test_what_fails_is_seen() -> None:
    good = Tally()
    good.answered("venues", b"x", 0.1)
    assert not Outcome(good).is_good  # nothing was restarted
    restarted = Outcome(good)
    restarted.restarts["stop"] += 1
    assert restarted.is_good
    good.answered("venues", b"y", 0.1)
    assert not restarted.is_good


@pytest.mark.timeout(400)
async def test_processes_that_cannot_be_replaced_stay_and_those_that_die_again_and_again_end_it(
    sixty_url: str, tmp_path: Path
) -> None:
    """A file that cannot be used any more keeps new processes from starting, and disturbs no other."""
    tokens = tmp_path / "tokens.toml"
    tokens.write_text("")
    async with server_process(tmp_path, sixty_url, WORKERS="2", TOKENS_FILE=str(tokens)) as server:
        first = {child.pid for child in psutil.Process(server.process.pid).children()}
        tokens.write_text("no TOML")
        server.process.send_signal(signal.SIGHUP)

        async def until(event: str) -> None:
            async with asyncio.timeout(PATIENCE * 2):
                while f'"event": "{event}"' not in server.log():
                    await asyncio.sleep(0.1)

        await until("rolling_restart_stopped")
        assert {child.pid for child in psutil.Process(server.process.pid).children()} == first
        psutil.Process(min(first)).kill()
        assert await server.stopped(send=None) == 1
        assert "workers_failing" in server.log()
        assert not any(map(psutil.pid_exists, first))
    events = [json.loads(line)["event"] for line in server.log().splitlines() if line.startswith("{")]
    assert events.count("worker_died") == 4
    assert events[-1] == "stopped"
