"""Probes how much of Redis can be used, by trying each command that exports need.

A PING is not enough: a user who may run only some of the commands would pass it and fail every request.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from redis import exceptions

from fhirexport_server.cache import keys
from fhirexport_server.cache.redis.breaker import State, meaning, reason
from fhirexport_server.cache.redis.servers.primaries import Command, Primary, RedisServers

_SCRIPT: Final = "return 1"
_DIGEST: Final = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_WORSE: Final = (State.AVAILABLE, State.READ_ONLY, State.UNAVAILABLE)


def reading(tag: str = "") -> tuple[Command, ...]:
    """Return the commands of a look-up, and of reading and measuring what it has found."""
    # Named as a head is, and never created: rights on heads are probed by commands that leave nothing behind.
    head, segment = keys.probe_head(tag), keys.probe("segment", tag)
    return (
        ("SCRIPT", "EXISTS", _DIGEST),
        ("SCRIPT", "LOAD", _SCRIPT),
        ("EVALSHA", _DIGEST, 0),
        ("TIME",),
        ("TYPE", head),
        ("HSTRLEN", head, "etag"),
        ("HMGET", head, "etag"),
        ("PTTL", head),
        ("GETRANGE", segment, 0, 1),
        ("STRLEN", segment),
    )


def writing(tag: str = "") -> tuple[Command, ...]:
    """Return the further commands that keeping a rendering takes."""
    kept, lease = keys.probe("hash", tag), keys.probe("lease", tag)
    return (
        ("EVAL", _SCRIPT, 0),
        ("UNLINK", keys.probe_head(tag)),
        ("PEXPIRE", keys.probe_head(tag), 1),
        ("SET", lease, "", "PX", 1000),
        ("GET", lease),
        ("MULTI",),
        # In a transaction, so that the key never stays without a time to live.
        ("HSET", kept, "hits", 0),
        ("HINCRBY", kept, "hits", 1),
        ("PEXPIRE", kept, 1000),
        ("EXEC",),
        ("HGET", kept, "hits"),
        ("UNLINK", kept),
    )


READING: Final = reading()
WRITING: Final = writing()


class Verdict(NamedTuple):
    """How much of Redis can be used, and why not more."""

    state: State
    why: str = ""
    """The type of the failure, and the commands that the user may not run; empty where there is none."""


async def probe(servers: RedisServers) -> Verdict:
    """Try every command, on every server that may be written; return the worst verdict.

    Raises:
        RedisError, OSError, TimeoutError: One does not answer.
    """
    verdicts = await asyncio.gather(*map(_probed, await servers.primaries()))
    return max(verdicts, key=lambda one: _WORSE.index(one.state))


async def _probed(primary: Primary) -> Verdict:
    return verdict(await primary.pipeline((*reading(primary.tag), *writing(primary.tag))))


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
