"""Probes how much of Redis can be used, by trying each command that exports need.

A PING is not enough: a user who may run only some of the commands would pass it and fail every request.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from redis import exceptions
from redis.asyncio import Redis

from fhirexport_server.cache import keys
from fhirexport_server.cache.redis.breaker import State, meaning, reason

_SCRIPT: Final = "return 1"
_DIGEST: Final = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
# Named as a head is, and never created: rights on heads are probed by commands that leave nothing behind.
_HEAD: Final = f"{keys.PREFIX}probe"
_HASH: Final = keys.probe("hash")
_SEGMENT: Final = keys.probe("segment")

Command = tuple[str | int, ...]
READING: Final[tuple[Command, ...]] = (
    ("SCRIPT", "EXISTS", _DIGEST),
    ("SCRIPT", "LOAD", _SCRIPT),
    ("EVALSHA", _DIGEST, 0),
    ("TIME",),
    ("TYPE", _HEAD),
    ("HSTRLEN", _HEAD, "etag"),
    ("HMGET", _HEAD, "etag"),
    ("PTTL", _HEAD),
    ("GETRANGE", _SEGMENT, 0, 1),
    ("STRLEN", _SEGMENT),
)
"""The commands of a look-up, and of reading and measuring what it has found."""
WRITING: Final[tuple[Command, ...]] = (
    ("UNLINK", _HEAD),
    ("PEXPIRE", _HEAD, 1),
    ("SET", keys.probe("lease"), "", "PX", 1000),
    ("GET", keys.probe("lease")),
    ("MULTI",),
    # In a transaction, so that the key never stays without a time to live.
    ("HSET", _HASH, "hits", 0),
    ("HINCRBY", _HASH, "hits", 1),
    ("PEXPIRE", _HASH, 1000),
    ("EXEC",),
    ("HGET", _HASH, "hits"),
    ("UNLINK", _HASH),
)
"""The further commands that keeping a rendering takes."""


class Verdict(NamedTuple):
    """How much of Redis can be used, and why not more."""

    state: State
    why: str = ""
    """The type of the failure, and the commands that the user may not run; empty where there is none."""


async def probe(client: "Redis") -> Verdict:
    """Try every command.

    Raises:
        RedisError, OSError, TimeoutError: Redis does not answer.
    """
    async with client.pipeline(transaction=False) as pipeline:
        for command in (*READING, *WRITING):
            pipeline.execute_command(*command)
        answers = await pipeline.execute(raise_on_error=False)
    return verdict(answers)


def verdict(answers: Sequence[object]) -> Verdict:
    """Return the verdict on the answers to READING and WRITING, in their order."""
    commands = (*READING, *WRITING)
    failures = [
        (place, str(command[0]).lower(), answer)
        for place, (command, answer) in enumerate(zip(commands, answers, strict=True))
        if isinstance(answer, Exception)
    ]
    forbidden = [(place, name) for place, name, error in failures if _is_forbidden(error)]
    # A refusal in a transaction, or of a script, makes later commands fail as well.
    others = [] if forbidden else [error for _, name, error in failures if name != "exec"]
    for error in others:
        if meaning(error) is State.UNAVAILABLE:
            return Verdict(State.UNAVAILABLE, reason(error))
    if forbidden:
        reads = any(place < len(READING) for place, _ in forbidden)
        names = ", ".join(dict.fromkeys(name for _, name in forbidden))
        return Verdict(State.UNAVAILABLE if reads else State.READ_ONLY, f"NoPermissionError: {names}")
    return Verdict(State.READ_ONLY, reason(others[0])) if others else Verdict(State.AVAILABLE)


def _is_forbidden(error: Exception) -> bool:
    """Return whether the user may not run a command, or Redis has none of its name (`rename-command`)."""
    message = str(error)
    # EXEC wraps it in an error of its own.
    return (
        isinstance(error, exceptions.NoPermissionError) or "NOPERM" in message or "unknown command" in message
    )
