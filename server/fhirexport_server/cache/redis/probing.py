"""Finds out how much of Redis can be used: every command that exports need is tried, each by itself.

A user that may do some of them only would otherwise look sound to a probe and fail each request.
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
# Named as a head is, and never made: rights on heads are found out by what leaves nothing behind.
_HEAD: Final = f"{keys.PREFIX}probe"
_HASH: Final = keys.probe("hash")

Command = tuple[str | int, ...]
READING: Final[tuple[Command, ...]] = (
    ("SCRIPT", "EXISTS", _DIGEST),
    ("SCRIPT", "LOAD", _SCRIPT),
    ("EVALSHA", _DIGEST, 0),
    ("TIME",),
    ("TYPE", _HEAD),
    ("HMGET", _HEAD, "etag"),
    ("HMGET", _HASH, "0"),
    ("PTTL", _HEAD),
)
"""What it takes to look a rendering up."""
WRITING: Final[tuple[Command, ...]] = (
    ("UNLINK", _HEAD),
    ("PEXPIRE", _HEAD, 1),
    ("SET", keys.probe("lease"), "", "PX", 1000),
    ("GET", keys.probe("lease")),
    ("MULTI",),
    # All or none of these: what is made has an end.
    ("HSET", _HASH, "hits", 0),
    ("HINCRBY", _HASH, "hits", 1),
    ("PEXPIRE", _HASH, 1000),
    ("EXEC",),
    ("HGET", _HASH, "hits"),
    ("HLEN", _HASH),
    ("UNLINK", _HASH),
)
"""What it takes besides to keep one."""


class Verdict(NamedTuple):
    """How much of Redis can be used, and why not more."""

    state: State
    why: str = ""
    """The kind of failure, and the commands that the user may not use; empty where all is well."""


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
    """Return what the answers to READING and WRITING, in their order, amount to."""
    commands = (*READING, *WRITING)
    failures = [
        (place, str(command[0]).lower(), answer)
        for place, (command, answer) in enumerate(zip(commands, answers, strict=True))
        if isinstance(answer, Exception)
    ]
    forbidden = [(place, name) for place, name, error in failures if _is_forbidden(error)]
    # What is refused in a transaction, or of a script, fails what comes after it.
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
    """Whether the user may not use a command, or there is none of the name (`rename-command`)."""
    said = str(error)
    # EXEC wraps it into an error of its own.
    return isinstance(error, exceptions.NoPermissionError) or "NOPERM" in said or "unknown command" in said
