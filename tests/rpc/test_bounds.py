"""Shows how places and memory are shared between callers."""

import asyncio
from functools import partial

import pytest
from fhirexport_server.rpc.admission.bytes_in_flight import BytesInFlight, Hold
from fhirexport_server.rpc.admission.caller import Caller, caller
from fhirexport_server.rpc.admission.places import Places
from fhirexport_server.rpc.admission.transport_errors import TooManyBytesError, TooManyCallsError
from support.server import PATIENCE

A, B, C = (Caller(f"ipv4:10.0.0.{number}:1", f"10.0.0.{number}") for number in (1, 2, 3))


class _Peer:
    def __init__(self, name: str) -> None:
        self._name = name

    def peer(self) -> str:
        return self._name


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("ipv4:10.0.0.7:51123", "10.0.0.7"),
        ("ipv6:%5B::1%5D:51123", "::1"),
        ("ipv6:[fe80::1%25eth0]:51123", "fe80::1%eth0"),
        ("unix:", "unix"),
    ],
)
def test_a_caller_is_known_by_its_address(name: str, peer: str) -> None:
    assert caller(_Peer(name)) == Caller(name, peer)  # type: ignore[arg-type]  # all that is asked for


def _taken(places: Places, who: Caller, most: int = 100) -> int:
    """How many places a caller gets until it is refused."""
    for number in range(most):
        try:
            places.take(who)
        except TooManyCallsError:
            return number
    return most


def test_a_connection_has_places_of_its_own() -> None:
    places = Places(total=10, per_peer=6, assured=2)
    assert (_taken(places, A), _taken(places, B), _taken(places, C)) == (6, 4, 2)
    for _ in range(6):
        places.give_back(A)
    assert (places.taken, _taken(places, C)) == (6, 4)


async def test_that_no_place_is_taken_is_waited_for() -> None:
    places = Places(total=10, per_peer=6, assured=2)
    await places.until_free()
    places.take(A)
    places.take(B)
    waiting = asyncio.create_task(places.until_free())
    for who in (A, B):
        done, _ = await asyncio.wait({waiting}, timeout=0.01)
        assert not done
        places.give_back(who)
    async with asyncio.timeout(PATIENCE):
        await waiting


def test_connections_of_one_peer_share_its_places() -> None:
    places = Places(total=100, per_peer=6, assured=1)
    first, second = (Caller(f"ipv4:10.0.0.1:{port}", "10.0.0.1") for port in (1, 2))
    assert (_taken(places, first), _taken(places, second), _taken(places, B)) == (6, 1, 6)


def test_an_identity_counts_wherever_it_comes_from() -> None:
    places = Places(total=100, per_peer=6, assured=0)
    assert (_taken(places, A._replace(identity="one")), _taken(places, B._replace(identity="one"))) == (6, 0)


async def test_room_is_waited_for_and_given_to_whoever_has_least() -> None:
    room = BytesInFlight(total=10, per_connection=10, patience=PATIENCE)
    first = await room.take(A, 6)
    second = await room.take(B, 4)
    order: list[str] = []

    async def wait(who: Caller) -> None:
        await room.take(who, 4)
        order.append(who.peer)

    waiting = [asyncio.create_task(wait(who)) for who in (A, C)]
    await asyncio.sleep(0)
    room.give_back(second)
    while not order:
        await asyncio.sleep(0)
    assert order == [C.peer]
    room.give_back(first)
    await asyncio.gather(*waiting)
    assert room.taken == 8


async def test_who_waits_too_long_is_refused_and_who_leaves_leaves_nothing() -> None:
    room = BytesInFlight(total=10, per_connection=10, patience=0.05)
    hold = await room.take(A, 10)
    with pytest.raises(TooManyBytesError):
        await room.take(B, 1)
    gone = asyncio.create_task(room.take(B, 1))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    room.give_back(hold)
    room.give_back(hold)
    assert room.taken == 0
    assert (await room.take(B, 10)).size == 10


async def test_a_part_of_the_room_is_for_those_who_have_none() -> None:
    room = BytesInFlight(total=8, per_connection=8, patience=0.05)
    await room.take(A, 6)
    with pytest.raises(TooManyBytesError):
        await room.take(A, 1)
    assert (await room.take(B, 2)).connection == B.connection


async def test_a_connection_has_its_share_and_no_more() -> None:
    room = BytesInFlight(total=10, per_connection=4, patience=0.05)
    await room.take(A, 4)
    with pytest.raises(TooManyBytesError):
        await room.take(A, 1)
    with pytest.raises(TooManyBytesError):
        room.enter(A, 1, None)
    assert (await room.take(B, 4)).connection == B.connection


async def test_the_oldest_of_whoever_has_most_makes_room() -> None:
    room = BytesInFlight(total=13, per_connection=13, patience=PATIENCE)
    holds = [await room.take(who, 2) for who in (B, A, A, A, A)]
    evicted: list[Hold] = []

    def evict(hold: Hold) -> None:
        evicted.append(hold)
        room.give_back(hold)

    for hold in holds:
        hold.evict = partial(evict, hold)
    await asyncio.wait_for(room.take(C, 6), PATIENCE)
    assert evicted == holds[1:3]


async def test_what_is_not_waited_for_is_never_ended() -> None:
    room = BytesInFlight(total=10, per_connection=10, patience=2.0)
    await room.take(A, 10)
    with pytest.raises(TooManyBytesError):
        await room.take(B, 1)
