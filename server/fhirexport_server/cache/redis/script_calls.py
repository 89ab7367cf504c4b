"""Runs a script for several heads at once."""

from collections.abc import Sequence
from typing import Any

from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

from fhirexport_server.cache.redis.servers.primaries import Client

Call = tuple[Sequence[str], Sequence[bytes | str | int]]
"""The keys, all of them of one head, and the arguments."""


async def run_script(client: Client, script: AsyncScript, calls: Sequence[Call]) -> list[Any]:
    """Run a script once for each call; return the answers, or errors, in the order of the calls.

    It is sent by its digest. A server that does not have it, as after a failover, is given it first.
    """
    answers: list[Any] = [None] * len(calls)
    left = list(range(len(calls)))
    for is_given in (False, True):
        async with client.pipeline(transaction=False) as pipeline:
            for place in left:
                names, arguments = calls[place]
                # Not `evalsha`, which a cluster's pipeline refuses.
                pipeline.execute_command("EVALSHA", script.sha, len(names), *names, *arguments)
            found = await pipeline.execute(raise_on_error=False)
        for place, answer in zip(left, found, strict=True):
            answers[place] = answer
        left = [place for place in left if isinstance(answers[place], NoScriptError)]
        if not left or is_given:
            break
        await client.script_load(script.script)
    return answers


def whole(answers: Sequence[Any]) -> Sequence[Any]:
    """Return answers of which none is an error; raise the first that is."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
