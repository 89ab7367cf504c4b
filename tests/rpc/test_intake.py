"""Shows that large messages are parsed one at a time, at a limited rate, and that others' calls go on."""

import asyncio
import threading
import time

import grpc
from fhirexport.v1 import import_service_pb2 as pb
from fhirexport.v1.export_service_pb2 import ListLegalEntitiesRequest
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport_server.app import App, running
from fhirexport_server.rpc.admission.call_limits import Limits
from fhirexport_server.rpc.admission.intake import Intake
from fhirexport_server.rpc.admission.pace import Pace
from support.metrics import read
from support.server import PATIENCE, settings
from support.status import refused

MIB = 1 << 20
LARGE = pb.ImportBundleRequest(bundle="x" * 4 * MIB)


async def test_one_at_a_time_in_the_order_of_coming_outside_of_the_event_loop() -> None:
    intake, under_way, order = Intake(1 << 40), threading.Lock(), []

    def parse(raw: bytes) -> None:
        assert under_way.acquire(blocking=False), "two at once"
        assert threading.current_thread() is not threading.main_thread()
        order.append(raw)
        time.sleep(0.01)
        under_way.release()

    messages = [bytes((number,)) for number in range(5)]
    await asyncio.gather(*(intake.parsed(parse, message) for message in messages))
    assert order == messages


async def test_the_next_one_comes_after_the_time_that_the_one_before_may_take() -> None:
    intake, begun = Intake(10 * MIB), []

    def parse(_: bytes) -> None:
        begun.append(time.monotonic())
        raise ValueError

    both = (intake.parsed(parse, bytes(size)) for size in (MIB, 1))
    results = await asyncio.gather(*both, return_exceptions=True)
    assert [type(one) for one in results] == [ValueError, ValueError]
    assert begun[1] - begun[0] > 0.09


async def test_who_leaves_while_it_waits_keeps_nobody_waiting() -> None:
    intake = Intake(MIB)
    await intake.parsed(len, bytes(MIB // 2))
    waiting = asyncio.create_task(intake.parsed(len, bytes(100 * MIB)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    async with asyncio.timeout(PATIENCE):
        assert await intake.parsed(len, b"x") == 1


async def test_small_calls_go_on_while_large_messages_wait(small_url: str) -> None:
    limits = Limits(stream_seconds=PATIENCE, long_bytes_per_second=1)
    app_settings = settings(small_url, metrics_address="127.0.0.1:0")
    async with (
        asyncio.timeout(PATIENCE),
        running(app_settings, limits=limits) as app,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        await _refused(channel)  # the next one waits for a month
        waiting = [asyncio.create_task(_refused(channel)) for _ in range(2)]
        await _waiting(app, 2)
        entities = await ExportServiceStub(channel).ListLegalEntities(ListLegalEntitiesRequest())
        assert entities.legal_entities
        assert not any(one.done() for one in waiting)
        for one in waiting:
            one.cancel()
        await _waiting(app, 0)


async def test_a_chunk_that_waits_has_room_in_memory(small_url: str) -> None:
    limits = Limits(stream_seconds=PATIENCE, intake_bytes_per_second=1, bytes_in_flight=64 * MIB)
    app_settings = settings(small_url, metrics_address="127.0.0.1:0")
    async with (
        running(app_settings, limits=limits) as app,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        await _refused(channel)  # the next one waits for a month
        calls = [ImportServiceStub(channel).ImportResources() for _ in range(3)]
        for call in calls:
            await call.write(pb.ImportResourcesRequest(options=pb.ImportOptions(ej_id=1)))
            await call.write(pb.ImportResourcesRequest(chunk=bytes(7 * MIB)))
        # A connection's share is 16 MiB: two chunks wait, and the third is refused.
        done, _ = await asyncio.wait(
            [asyncio.ensure_future(_status(call)) for call in calls], return_when=asyncio.FIRST_COMPLETED
        )
        assert [one.result() for one in done] == ["TOO_MANY_BYTES"]
        assert app.metrics_address is not None
        async with asyncio.timeout(PATIENCE):
            while await _in_flight(app.metrics_address) <= 14 * MIB:
                await asyncio.sleep(0.01)
            for call in calls:
                call.cancel()
            while await _in_flight(app.metrics_address):
                await asyncio.sleep(0.01)


async def test_what_is_not_received_in_time_takes_no_memory(small_url: str) -> None:
    limits = Limits(stream_seconds=PATIENCE, long_bytes_per_second=1, turn_seconds=0.2)
    app_settings = settings(small_url, metrics_address="127.0.0.1:0")
    async with (
        running(app_settings, limits=limits) as app,
        grpc.aio.insecure_channel(app.address) as channel,
    ):
        assert app.metrics_address is not None
        assert await _refused(channel) == "INVALID_FIELD"  # the next one would wait for a month
        while await _in_flight(app.metrics_address) > 0:  # that one's, until its end
            pass
        calls = asyncio.gather(*(_refused(channel) for _ in range(3)))
        while not calls.done():
            assert await _in_flight(app.metrics_address) == 0
        assert await calls == ["TOO_MANY_BYTES"] * 3


async def test_owners_take_turns_and_each_call_of_one_in_its_order() -> None:
    pace, order = Pace(100 * MIB, PATIENCE), list[str]()

    async def ask(call: str) -> None:
        await pace.turn(call[0])
        order.append(call)

    pace.received(5 * MIB, 0.0)
    await asyncio.gather(*(ask(call) for call in ("a1", "a2", "a3", "b1", "c1", "b2")))
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]
    async with asyncio.timeout(PATIENCE):
        await ask("d")


async def test_calls_that_begin_at_once_ask_one_after_the_other() -> None:
    pace = Pace(100 * MIB, PATIENCE, set_aside=PATIENCE)
    until = await pace.turn("a")
    calls = [asyncio.create_task(pace.turn(owner)) for owner in "bc"]
    await asyncio.sleep(0)
    assert pace.waiting == 2
    arrived = asyncio.get_running_loop().time()
    pace.received(5 * MIB, until)
    async with asyncio.timeout(PATIENCE / 2):
        until = await calls[0]
        assert asyncio.get_running_loop().time() - arrived >= 0.05
        await asyncio.sleep(0.01)
        assert pace.waiting == 1
        pace.received(1, until)  # the next one asks at once
        await calls[1]


async def test_a_message_that_comes_late_gives_back_no_time_of_others() -> None:
    pace, loop = Pace(10 * MIB, PATIENCE, set_aside=0.1), asyncio.get_running_loop()
    late = await pace.turn("a")
    until = await pace.turn("b")
    received = loop.time()
    pace.received(3 * MIB, until)
    pace.received(1, late)
    await pace.turn("c")
    assert loop.time() - received >= 0.299


async def test_who_leaves_before_its_turn_keeps_nobody_waiting() -> None:
    pace = Pace(100 * MIB, PATIENCE)
    pace.received(5 * MIB, 0.0)
    calls = [asyncio.create_task(pace.turn(owner)) for owner in "aab"]
    await asyncio.sleep(0)
    for call in calls[:2]:
        call.cancel()
    async with asyncio.timeout(PATIENCE):
        await calls[2]


async def _in_flight(metrics: str) -> float:
    return (await read(metrics)).value("fhirexport_bytes_in_flight", direction="in")


async def _waiting(app: App, count: int) -> None:
    """Wait until so many imports wait for their turn."""
    assert app.metrics_address is not None
    while (await read(app.metrics_address)).value("fhirexport_messages_waiting") != count:
        pass


async def _refused(channel: grpc.aio.Channel) -> str:
    try:
        await ImportServiceStub(channel).ImportBundle(LARGE)
    except grpc.aio.AioRpcError as error:
        return refused(error).reason
    raise AssertionError("was not refused")


async def _status(call: grpc.aio.StreamUnaryCall) -> str:  # type: ignore[type-arg]  # whichever messages
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return refused(error).reason
    raise AssertionError("was not refused")
