"""One siege: a quiet time, then attack after attack, with well-behaved callers all along."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import msgspec
from verification.siege.attacks import ATTACKS
from verification.siege.children import Child, child
from verification.siege.observed import Answers, Bounds, Memory, Observed
from verification.siege.plan import Answer, AttackPlan, CallerPlan, Sent
from verification.siege.reaching import Target, besieged_server
from verification.siege.watch import Watch, watched

FULL_SECONDS = 60.0
"""How long an attack of a full run is: one that has so many messages to send goes on until they are sent."""
_LONGEST = 10
"""How many times its time such an attack may take."""
_EXPORTS_SECONDS = 0.05
_HEALTH_SECONDS = 0.05


@dataclass(frozen=True)
class Options:
    """What to run."""

    seconds: float
    """How long each attack is."""
    quiet_seconds: float
    """How long the callers are watched before the first one, and as long again before that to get warm."""
    seed: int
    pause: float = 0.0
    """How long an attacker's connection rests after each thing that it does, in seconds."""
    workers: int = 1
    """How many processes serve."""
    guarded: bool = False
    """Whether the server has TLS, asks for tokens, and keeps an audit trail; all tokens are good."""
    attacks: Sequence[str] = tuple(ATTACKS)
    bounds: Bounds = field(default_factory=Bounds)


class Siege(msgspec.Struct, frozen=True):
    """What was observed."""

    quiet: Answers
    quiet_health: Answers
    attacks: list[Observed]
    log_errors: list[str]


@dataclass(frozen=True)
class _Phase:
    """One attack, before the callers have told how they were answered."""

    attack: str
    begun: float
    ended: float
    sent: Sent
    memory: Memory
    bugs: int
    log_errors: int
    messages: int


async def besieged(
    directory: Path, url: str, redis_url: str, options: Options, tell: Callable[[str], None]
) -> Siege:
    """Attack a server of a database.

    Args:
        directory: where it runs.
        url: of a database with the demo group.
        redis_url: of its cache.
        options: what to run.
        tell: is told what is done.
    """
    async with (
        besieged_server(
            directory,
            url,
            guarded=options.guarded,
            REDIS_URL=redis_url,
            METRICS_ADDRESS="127.0.0.1:0",
            WORKERS=str(options.workers),
        ) as (server, attacker, caller),
        watched(server) as watch,
        child("verification.siege.callers", CallerPlan(caller, False, _EXPORTS_SECONDS)) as exports,
        child("verification.siege.callers", CallerPlan(caller, True, _HEALTH_SECONDS)) as health,
    ):
        await exports.ready()
        await health.ready()
        tell("quiet")
        await asyncio.sleep(options.quiet_seconds)
        quiet = monotonic()
        await asyncio.sleep(options.quiet_seconds)
        phases = []
        quiet_ended = monotonic()
        for name in options.attacks:
            tell(name)
            phases.append(await _attacked(name, attacker, watch, options))
        exported, asked = await _answers(exports), await _answers(health)
        log_errors = watch.log_errors()
    observed = [
        Observed(
            phase.attack,
            phase.ended - phase.begun,
            phase.sent,
            Answers.of(_within(exported, phase.begun, phase.ended)),
            Answers.of(_within(asked, phase.begun, phase.ended)),
            phase.memory,
            phase.bugs,
            phase.log_errors,
            phase.messages,
        )
        for phase in phases
    ]
    return Siege(
        Answers.of(_within(exported, quiet, quiet_ended)),
        Answers.of(_within(asked, quiet, quiet_ended)),
        observed,
        log_errors,
    )


async def _attacked(name: str, target: Target, watch: Watch, options: Options) -> _Phase:
    is_full = options.seconds >= FULL_SECONDS
    messages = ATTACKS[name].messages if is_full else 0
    most_seconds = options.seconds * (_LONGEST if messages else 1)
    bugs, log_errors = await watch.bugs(), len(watch.log_errors())
    first, begin, begun = len(watch.samples), watch.mib(), monotonic()
    plan = AttackPlan(target, name, options.seconds, messages, most_seconds, options.seed, options.pause)
    async with child("verification.siege.attacks", plan) as attacker:
        sent = msgspec.json.decode(await attacker.output(most_seconds), type=Sent)
    ended = monotonic()
    memory = await watch.memory(first, begin, options.bounds.kept_mib)
    return _Phase(
        name,
        begun,
        ended,
        sent,
        memory,
        await watch.bugs() - bugs,
        len(watch.log_errors()) - log_errors,
        messages,
    )


async def _answers(caller: Child) -> list[Answer]:
    return msgspec.json.decode(await caller.output(), type=list[Answer])


def _within(answers: Sequence[Answer], begun: float, ended: float) -> list[Answer]:
    """Return the answers to calls that were under way in some time."""
    return [answer for answer in answers if answer.begun < ended and answer.begun + answer.seconds > begun]
