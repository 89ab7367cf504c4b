"""Shows that what is sealed comes back in its place alone, and that nothing else is ever unsealed."""

import pytest
from fhirexport_server.sealing.key_ring import MOST_ADDED, KeyRing, SealingKey, UnknownKeyError, UnsealError
from hypothesis import given
from hypothesis import strategies as st

PLACE = (b"segment", b"fhir:export:venues:ej:1", b"digest")
NAMING = b"n" * 32
OLD, NEW = SealingKey("2025", b"1" * 32), SealingKey("2026", b"2" * 32)
PLACES = st.lists(st.binary(max_size=12), max_size=4)


@given(PLACES, st.binary(max_size=300))
def test_it_comes_back_in_its_place(place: list[bytes], clear: bytes) -> None:
    ring = KeyRing([SealingKey("k" * 64, b"1" * 32)], NAMING)
    sealed = ring.seal(place, clear)
    assert ring.unseal(place, sealed) == clear
    assert len(sealed) <= len(clear) + MOST_ADDED
    assert clear not in sealed or len(clear) < 3


@given(PLACES, PLACES)
def test_it_comes_back_nowhere_else(place: list[bytes], other: list[bytes]) -> None:
    ring = KeyRing([NEW], NAMING)
    if place != other:
        with pytest.raises(UnsealError):
            ring.unseal(other, ring.seal(place, b"clear"))
        assert ring.hidden(place, b"d") != ring.hidden(other, b"d")


def test_no_bit_of_it_can_be_changed_and_none_left_out() -> None:
    ring = KeyRing([NEW, OLD], NAMING)
    sealed = ring.seal(PLACE, b"a patient")
    changed = [
        sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :]
        for at in range(len(sealed))
        for bit in range(8)
    ]
    shorter = [sealed[:end] for end in range(len(sealed))]
    for other in [*changed, *shorter, sealed + b"\0"]:
        with pytest.raises(UnsealError):
            ring.unseal(PLACE, other)


@given(st.binary(max_size=200))
def test_nothing_that_was_not_sealed_is_unsealed(noise: bytes) -> None:
    with pytest.raises(UnsealError):
        KeyRing([NEW], NAMING).unseal(PLACE, noise)


def test_the_first_key_seals_and_all_unseal() -> None:
    before, both, after = KeyRing([OLD], NAMING), KeyRing([NEW, OLD], NAMING), KeyRing([NEW], NAMING)
    old, new = before.seal(PLACE, b"a"), both.seal(PLACE, b"b")
    assert (both.unseal(PLACE, old), both.unseal(PLACE, new), after.unseal(PLACE, new)) == (b"a", b"b", b"b")
    for ring, sealed in ((after, old), (before, new)):
        with pytest.raises(UnknownKeyError):
            ring.unseal(PLACE, sealed)


def test_another_key_of_the_same_name_unseals_nothing() -> None:
    sealed = KeyRing([NEW], NAMING).seal(PLACE, b"a")
    with pytest.raises(UnsealError):
        KeyRing([SealingKey(NEW.name, OLD.secret)], NAMING).unseal(PLACE, sealed)


def test_the_same_text_is_sealed_otherwise_each_time() -> None:
    ring = KeyRing([NEW], NAMING)
    assert len({ring.seal(PLACE, b"a") for _ in range(1000)}) == 1000


def test_hidden_names_stay_when_keys_are_replaced_and_need_the_secret() -> None:
    name = KeyRing([OLD], NAMING).hidden(PLACE, b"digest")
    assert KeyRing([NEW], NAMING).hidden(PLACE, b"digest") == name
    assert KeyRing([OLD], b"m" * 32).hidden(PLACE, b"digest") != name


def test_a_key_does_not_show_its_secret() -> None:
    assert "1111" not in repr(OLD)
