"""Shows that a caller who asks for everything does not keep the event loop from the others."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import TypeVar

import grpc
import pytest
from fhirexport.v1.export_service_pb2 import ListLegalEntitiesRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.exports.flights import Flight, Flights
from fhirexport_server.runtime.fairness.event_loop import FairEventLoop, take_turns_as
from fhirexport_server.runtime.reading.shared_reading import SharedReading
from fhirexport_server.runtime.spool_space import SpoolSpace
from fhirexport_server.serving import run_fairly
from support.server import running_server

T = TypeVar("T")
Work = Callable[[], Awaitable[None]]
STEP_SECONDS = 0.001


class SteppedLoop(FairEventLoop):
    """A loop by whose clock only the steps of callers take time, so that it is the same on any machine."""

    now = 0.0

    def __init__(self) -> None:
        super().__init__(lambda: self.now)


def run(work: Coroutine[object, object, T]) -> T:
    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        return runner.run(work)


async def steps_of(caller: str, number: int, done: list[str]) -> None:
    take_turns_as(caller)
    await asyncio.sleep(0)
    for _ in range(number):
        work()
        done.append(caller)
        await asyncio.sleep(0)


def work() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppedLoop)
    loop.now += STEP_SECONDS


def test_a_step_waits_for_one_of_each_other_caller_not_for_all_that_it_asked() -> None:
    async def both() -> list[str]:
        done: list[str] = []
        many = [asyncio.create_task(steps_of("many", 5, done)) for _ in range(100)]
        await until(lambda: len(done) >= 10)
        await asyncio.create_task(steps_of("one", 10, done))
        before = done[: len(done) - done[::-1].index("one")]
        await asyncio.gather(*many)
        assert done.count("many") == 500
        return before

    before = run(both())
    assert before.count("one") == 10
    assert before.count("many") <= 30  # in the order of coming: 100 for each step


def test_steps_of_one_caller_run_in_their_order() -> None:
    async def ordered() -> list[int]:
        order: list[int] = []
        take_turns_as("one")
        for number in range(1000):
            asyncio.get_running_loop().call_soon(order.append, number)
        await asyncio.sleep(0)
        return order

    assert run(ordered()) == list(range(1000))


def test_callers_who_use_all_that_there_is_get_the_same() -> None:
    async def three() -> Counter[str]:
        done: list[str] = []
        callers = "a" + 10 * "b" + 100 * "c"
        tasks = [asyncio.create_task(steps_of(caller, 1000, done)) for caller in callers]
        await until(lambda: len(done) >= 300)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return Counter(done)

    assert all(95 <= number <= 105 for number in run(three()).values())


def test_what_is_nobodys_comes_first() -> None:
    async def timed() -> int:
        done: list[str] = []
        many = [asyncio.create_task(steps_of("many", 100, done)) for _ in range(100)]
        await until(lambda: bool(done))
        before = len(done)
        for _ in range(10):
            await asyncio.sleep(0)
        used = len(done) - before
        for task in many:
            task.cancel()
        await asyncio.wait(many)
        return used

    assert run(timed()) <= 20


def test_who_has_used_little_is_ahead_of_the_others_for_a_while_alone() -> None:
    async def late() -> list[str]:
        done: list[str] = []
        early = [asyncio.create_task(steps_of("early", 100, done)) for _ in range(4)]
        await until(lambda: len(done) >= 10)
        await asyncio.create_task(steps_of("late", 1, done))
        await until(lambda: len(done) >= 200)
        before = len(done)
        await asyncio.gather(asyncio.create_task(steps_of("late", 50, done)), *early)
        return done[before:]

    order = run(late())
    ahead = order[order.index("late") :].index("early")
    assert 15 <= ahead <= 25  # credit for 20 steps, where the other has used 190 more


async def rendering(make: Work) -> None:
    async def fill(_: Flight) -> None:
        await make()

    async with Flights(SpoolSpace(1)).reading("key", fill) as (flight, _):
        await flight.ended.wait()


async def reading(read: Work) -> None:
    await SharedReading(read, apart_seconds=0).read()


@pytest.mark.parametrize("begin", [rendering, reading])
def test_work_for_several_callers_does_not_wait_for_the_turns_of_who_began_it(
    begin: Callable[[Work], Awaitable[None]],
) -> None:
    async def begun() -> list[int]:
        done: list[str] = []
        taken: list[int] = []

        async def for_several() -> None:
            before = len(done)
            for _ in range(10):
                await asyncio.sleep(0)
            taken.append(len(done) - before)

        async def by_many() -> None:
            take_turns_as("many")
            await asyncio.sleep(0)
            others = [asyncio.create_task(steps_of("many", 50, done)) for _ in range(100)]
            await begin(for_several)
            await asyncio.gather(*others)

        await asyncio.create_task(by_many())
        return taken

    [taken] = run(begun())
    assert taken <= 20  # in the turns of who began it: 100 for each step


def test_a_step_that_was_cancelled_does_not_run_and_one_that_fails_is_told() -> None:
    async def odd() -> list[str]:
        loop, seen = asyncio.get_running_loop(), list[str]()
        loop.set_exception_handler(lambda _, told: seen.append(repr(told["exception"])))
        take_turns_as("one")
        loop.call_soon(seen.append, "cancelled").cancel()
        loop.call_soon(fails, ValueError("failed"))
        loop.call_soon(seen.append, "next")
        await asyncio.sleep(0)
        return seen

    assert run(odd()) == ["ValueError('failed')", "next"]


def test_a_step_that_ends_the_program_leaves_a_loop_that_can_be_cleaned_up() -> None:
    cleaned = list[str]()

    async def interrupted() -> None:
        take_turns_as("one")
        asyncio.get_running_loop().call_soon(fails, KeyboardInterrupt())
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0)
            cleaned.append("cleaned")

    with pytest.raises(KeyboardInterrupt):
        run(interrupted())
    assert cleaned == ["cleaned"]


def test_callers_who_come_anew_are_forgotten_when_there_are_too_many() -> None:
    async def many() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FairEventLoop)
        for number in range(10_000):
            context = Context()
            context.run(take_turns_as, str(number))
            loop.call_soon(int, context=context)
            if number % 1000 == 0:
                await asyncio.sleep(0)
        return loop.callers_known

    assert run(many()) <= 4096 + 1000


def test_what_serves_runs_in_it() -> None:
    loops = list[asyncio.AbstractEventLoop]()

    async def serving() -> None:
        loops.append(asyncio.get_running_loop())

    run_fairly(serving())
    assert isinstance(loops[0], FairEventLoop)


async def test_calls_take_turns_as_their_connections(small_url: str) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, FairEventLoop)
    own = [("grpc.use_local_subchannel_pool", 1)]
    async with (
        running_server(small_url) as address,
        grpc.aio.insecure_channel(address, own) as one,
        grpc.aio.insecure_channel(address, own) as other,
    ):
        before = loop.callers_known
        for channel in (one, other):
            ask = ExportServiceStub(channel).ListLegalEntities
            await asyncio.gather(*(ask(ListLegalEntitiesRequest()) for _ in range(50)))
        assert (before, loop.callers_known) == (0, 2)


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0)


def fails(error: BaseException) -> None:
    raise error
