"""Every attack, by its name; and the program that makes one: `python -m verification.siege.attacks PLAN`."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec
from verification.siege import bundles, waiting
from verification.siege.fuzz import fuzz
from verification.siege.ndjson import ndjson
from verification.siege.plan import Assault, AttackPlan

NICE = 19
"""How far attackers step back: they would be on other machines, and take no processor from the server.

At 5, each had a quarter of what the server had."""
_LAST_SECONDS = 5.0
"""How long calls that are under way may take to end."""


class Attack(NamedTuple):
    """One way of attacking."""

    run: Callable[[Assault], Awaitable[None]]
    messages: int = 0
    """How many messages it sends in a full run, at least; 0 where time alone counts."""


ATTACKS: Mapping[str, Attack] = {
    "refused": Attack(bundles.refused),
    "cancelled": Attack(bundles.cancelled),
    "gzipped": Attack(bundles.gzipped),
    "bombs": Attack(bundles.bombs),
    "unread-answers": Attack(waiting.unread_answers),
    "unread-streams": Attack(waiting.unread_streams),
    "idle": Attack(waiting.idle),
    "resets": Attack(waiting.resets),
    "fuzz": Attack(fuzz, messages=100_000),
    "ndjson": Attack(ndjson, messages=1_000),
}


async def attack(plan: AttackPlan) -> Assault:
    """Attack as a plan says; what is still under way at its end is cut off."""
    assault = Assault(plan)
    with suppress(TimeoutError):
        async with asyncio.timeout(max(plan.seconds, plan.most_seconds) + _LAST_SECONDS):
            await ATTACKS[plan.attack].run(assault)
    return assault


def main() -> None:
    """Attack, and print what was sent."""
    os.nice(NICE)
    assault = asyncio.run(attack(AttackPlan.read()))
    sys.stdout.write(msgspec.json.encode(assault.sent).decode())


if __name__ == "__main__":
    main()
