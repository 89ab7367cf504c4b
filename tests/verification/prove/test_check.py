"""Shows that the checker finds each wrong answer, and only those, in histories made by hand."""

from dataclasses import replace as replaced
from typing import Any

import pytest
from msgspec.structs import replace
from verification.prove.availability import CONNECTIONS_ENDED, SERVER_KILLED, slowest
from verification.prove.check import Kind, check, compared, different
from verification.prove.history import ANCHOR, Comparison, Content, Fault, History, Read, Stamp, Write

EXPORT = "1/venues"
ROW = "row"


def write(seq: int, sent: float, *, committed: bool = True, **row: bool) -> Write:
    """A transaction of writer 0 that takes a tenth of a second to commit."""
    return Write(0, seq, sent, sent + 0.1, committed, {EXPORT: {ANCHOR: True, **row}})


def content(anchor: int, row: int | None, export: str = EXPORT) -> Content:
    stamps = [Stamp(0, export, ANCHOR, anchor)]
    if row is not None:
        stamps.append(Stamp(0, export, ROW, row))
    return Content(f"{export} {anchor} {row}", tuple(stamps))


def read(start: float, shown: Content, **others: Any) -> Read:
    """A strict read of a tenth of a second."""
    values: dict[str, Any] = {
        "reader": 0,
        "server": 0,
        "export": EXPORT,
        "layout": "bundle",
        "mode": "strict",
        "start": start,
        "end": start + 0.1,
        "digest": shown.digest,
        "etag": f"e {shown.digest}",
        "revision": f"r {shown.digest}",
        "source": "cache",
    }
    return Read(**{**values, **others})


ONE, TWO, THREE = content(1, 1), content(2, 2), content(3, None)
WRITES = [
    write(1, 1.0, row=True),
    write(2, 2.0, row=True),
    write(3, 3.0, row=False),
    write(4, 4.0, row=True, committed=False),
]
SOUND = History(
    WRITES,
    {shown.digest: shown for shown in (ONE, TWO, THREE)},
    [
        read(1.5, ONE),
        read(2.0, ONE),  # while the commit is under way, either will do
        read(2.05, TWO),
        read(2.5, TWO, not_modified=True, condition=f"e {TWO.digest}"),
        read(2.55, ONE, mode="max_staleness", bound=0.5),
        read(3.5, THREE),
        read(3.5, TWO, mode="at_least", basis=TWO.digest),
        read(5.0, THREE, mode="bypass"),
    ],
)


def kinds(*reads: Read, contents: tuple[Content, ...] = (), faults: tuple[Fault, ...] = ()) -> list[Kind]:
    """What is found in the sound history with these reads in it."""
    history = replaced(
        SOUND,
        reads=[*SOUND.reads, *reads],
        contents=SOUND.contents | {shown.digest: shown for shown in contents},
        faults=list(faults),
    )
    found = check(history)
    assert {id(violation.read) for violation in found} <= {id(one) for one in reads}
    return [violation.kind for violation in found]


def test_a_sound_history_has_nothing_wrong() -> None:
    assert check(SOUND) == []


@pytest.mark.parametrize("mode", ["strict", "bypass"])
def test_a_read_that_lacks_an_acknowledged_write_is_stale(mode: str) -> None:
    assert kinds(read(2.2, ONE, mode=mode)) == [Kind.STALE, Kind.BACKWARDS]


def test_a_write_counts_from_its_acknowledgement_on() -> None:
    assert kinds(read(2.09, ONE)) == []
    assert kinds(read(2.1, ONE)) == [Kind.STALE]


def test_a_not_modified_is_stale_when_what_the_reader_holds_is() -> None:
    held = f"e {TWO.digest}"
    assert kinds(read(3.2, TWO, not_modified=True, condition=held)) == [Kind.STALE]


def test_a_not_modified_is_of_the_etag_that_was_sent() -> None:
    assert kinds(read(3.2, THREE, not_modified=True, condition="e another")) == [Kind.ETAG]


def test_a_write_that_a_read_has_shown_is_there_for_later_ones_before_it_is_acknowledged() -> None:
    slow = replace(write(5, 6.0, row=True), done=9.0)
    five = content(5, 5)
    history = History([*WRITES, slow], {shown.digest: shown for shown in (THREE, five)})
    history.reads = [read(6.5, five), read(7.0, THREE)]
    assert [found.kind for found in check(history)] == [Kind.BACKWARDS]


def test_a_read_that_accepts_staleness_lacks_no_older_write() -> None:
    late = read(2.7, ONE, mode="max_staleness", bound=0.5)
    assert kinds(late) == [Kind.TOO_STALE]
    assert kinds(replace(late, bound=0.7)) == []


def test_a_read_with_a_token_has_what_the_answer_with_the_token_had() -> None:
    assert kinds(read(3.5, ONE, mode="at_least", basis=TWO.digest)) == [Kind.AT_LEAST]


@pytest.mark.parametrize(
    "torn", [content(3, 3), content(2, 1), content(2, None), Content("none", ()), content(1, 2)]
)
def test_a_part_of_a_transaction_is_torn(torn: Content) -> None:
    assert Kind.TORN in kinds(read(3.05, torn), contents=(torn,))


def test_two_stamps_in_one_register_are_torn() -> None:
    torn = Content("two", (*TWO.stamps, Stamp(0, EXPORT, ROW, 1)))
    assert kinds(read(2.05, torn), contents=(torn,)) == [Kind.TORN]


def test_a_stamp_that_nobody_wrote_is_found() -> None:
    never = content(7, 7)
    assert kinds(read(5.0, never), contents=(never,)) == [Kind.NEVER_WRITTEN]


def test_a_stamp_that_was_rolled_back_is_found() -> None:
    undone = content(4, 4)
    assert kinds(read(5.0, undone), contents=(undone,)) == [Kind.ROLLED_BACK]


def test_a_stamp_whose_commit_was_not_sent_yet_is_found() -> None:
    history = History(WRITES, SOUND.contents, [read(1.85, TWO)])
    assert [found.kind for found in check(history)] == [Kind.UNCOMMITTED]


def test_rows_of_another_export_are_found() -> None:
    foreign = Content("foreign", (*THREE.stamps, Stamp(0, "2/venues", ANCHOR, 1)))
    assert kinds(read(5.0, foreign), contents=(foreign,)) == [Kind.FOREIGN]


def test_other_bytes_under_one_etag_are_found() -> None:
    other = replace(THREE, digest="the same stamps in other bytes")
    one = read(5.0, THREE)
    assert kinds(one, read(6.0, other, etag=one.etag, revision=one.revision), contents=(other,)) == [
        Kind.BYTES
    ]


def test_another_layout_under_one_etag_is_found() -> None:
    assert kinds(read(5.5, THREE, layout="ndjson")) == [Kind.BYTES]


def test_another_state_under_one_revision_is_found() -> None:
    assert kinds(read(5.5, THREE, revision=f"r {TWO.digest}")) == [Kind.REVISION]


IN_FULL = Comparison(f"e {THREE.digest}", is_same=True, root="root", digest=THREE.digest)


@pytest.mark.parametrize(
    ("others", "wrong"),
    [
        ({"root": "root"}, 0),
        ({"root": "another"}, 1),
        ({}, 1),
        ({"not_modified": True, "condition": IN_FULL.etag}, 0),
        ({"root": "another", "digest": TWO.digest, "etag": IN_FULL.etag}, 2),
    ],
)
def test_an_answer_is_that_of_the_full_rendering_of_its_snapshot(others: dict[str, Any], wrong: int) -> None:
    answer = read(5.0, THREE, **others)
    history = History(WRITES, SOUND.contents, [answer], comparisons=[IN_FULL])
    assert [found.kind for found in check(history)].count(Kind.DIFFERENT) == wrong
    assert compared(history) == [answer]


@pytest.mark.parametrize(
    "other", [{"is_same": False}, {"etag": "e", "is_same": False}, {"root": "another"}, {"digest": "another"}]
)
def test_what_is_brought_up_to_date_is_what_a_full_rendering_gives(other: dict[str, Any]) -> None:
    same = [IN_FULL, IN_FULL, replace(IN_FULL, etag="e another", root="another")]
    assert different(History(comparisons=same)) == []
    wrong = replace(IN_FULL, **other)
    assert different(History(comparisons=[*same, wrong])) == [wrong]


FAILED = read(10.0, THREE, end=11.0, failure="UNAVAILABLE")


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (Fault("Redis frozen", 9.0, 12.0), [Kind.UNAVAILABLE]),
        (Fault(SERVER_KILLED, 9.0, 9.5, server=1), [Kind.UNAVAILABLE]),
        (Fault(SERVER_KILLED, 9.0, 9.5, server=0), []),
        (Fault(SERVER_KILLED, 3.0, 3.9, server=0), [Kind.UNAVAILABLE]),
        (Fault(CONNECTIONS_ENDED, 9.0, 9.0), []),
        (Fault(CONNECTIONS_ENDED, 7.0, 7.0), [Kind.UNAVAILABLE]),
        (Fault(CONNECTIONS_ENDED, 11.5, 11.5), [Kind.UNAVAILABLE]),
    ],
)
def test_only_a_killed_server_and_a_lost_database_excuse_a_failure(fault: Fault, found: list[Kind]) -> None:
    assert kinds(FAILED, faults=(fault,)) == found


def test_the_slowest_answer_is_one_while_only_redis_was_broken() -> None:
    reads = [read(1.0, ONE), read(10.0, ONE, end=10.4), read(20.0, ONE, end=21.0), FAILED]
    faults = [Fault("Redis frozen", 9.0, 22.0), Fault(SERVER_KILLED, 20.0, 20.0, server=1)]
    assert slowest(reads, faults) == pytest.approx(0.4)
