"""A process that reads: sometimes at random, sometimes as soon as a bell rings."""

import asyncio
from pathlib import Path
from random import Random
from time import monotonic
from typing import get_args

from fhirexport.models import Format
from verification.prove.asking import Asker, Demand, Question, doors
from verification.prove.bells import Bell, bell
from verification.prove.history import Recorder
from verification.prove.plan import Plan, wait_for_start
from verification.prove.stamps import chosen

ROAMERS = 5
PURSUERS = 2
FORMATS: tuple[Format, ...] = get_args(Format)
MODES = {"strict": 50, "max_staleness": 24, "at_least": 24, "bypass": 6}


class Reader:
    """Draws questions and asks them."""

    def __init__(self, asker: Asker, random: Random) -> None:
        self._asker = asker
        self._random = random

    async def roam(self, until: float) -> None:
        """Asks for anything in any way."""
        while monotonic() < until:
            question = self._question(chosen(self._random)[0])
            server = self._random.randrange(self._asker.servers)
            answered = await self._asker.ask(server, question, self._demand(question, MODES))
            await asyncio.sleep(0 if answered else 0.05)

    async def pursue(self, its_bell: Bell) -> None:
        """Asks every server, as often as the bell is rung, for what it is rung for."""
        while True:
            question = self._question(await its_bell.next())
            servers = list(range(self._asker.servers))
            self._random.shuffle(servers)
            modes = {**MODES, "strict": 100, "bypass": 0}
            async with asyncio.TaskGroup() as group:
                for server in servers:
                    demand = self._demand(question, modes)
                    group.create_task(self._asker.ask(server, question, demand, pursuit=True))

    def _question(self, export: str) -> Question:
        (layout,) = self._random.choices(FORMATS, (12, 1, 2))
        movements = export.endswith("/venues") and self._random.random() < 0.1
        return Question(export, layout, movements, text=self._random.random() < 0.2 and _small(export))

    def _demand(self, question: Question, modes: dict[str, int]) -> Demand:
        random = self._random
        (mode,) = random.choices(list(modes), list(modes.values()))
        condition = self._asker.recent(random, question) if random.random() < 0.5 else None
        if mode == "max_staleness":
            return Demand(mode, bound=random.choice((0.02, 0.1, 0.5, 2.0, 10.0)), condition=condition)
        if mode == "at_least":
            held = self._asker.recent(random, question)
            if held is not None:
                return Demand(mode, token=held.revision, basis=held.digest, condition=condition)
            mode = "strict"
        return Demand(mode, condition=condition)


def _small(export: str) -> bool:
    """Says whether an export fits into one message with room to spare."""
    return export != "1/structure"


async def _read(plan: Plan, until: float, its_bell: Bell, recorder: Recorder) -> None:
    async with doors(plan) as open_doors:
        reader = Reader(Asker(plan, open_doors, recorder), plan.random("reader"))
        its_bell.listen()
        pursuers = [asyncio.create_task(reader.pursue(its_bell)) for _ in range(PURSUERS)]
        async with asyncio.TaskGroup() as group:
            for _ in range(ROAMERS):
                group.create_task(reader.roam(until))
        for pursuer in pursuers:
            pursuer.cancel()
        await asyncio.wait(pursuers)
        for pursuer in pursuers:
            if not pursuer.cancelled():
                pursuer.result()


def main() -> None:
    """Reads until the time is over."""
    plan = Plan.given()
    with (
        bell(Path(plan.directory), plan.number) as its_bell,
        Recorder(plan.history("reader")) as recorder,
    ):
        asyncio.run(_read(plan, wait_for_start(), its_bell, recorder))


if __name__ == "__main__":
    main()
