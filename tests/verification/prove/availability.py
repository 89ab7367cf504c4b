"""Which failures are excused: a server that was killed, a database whose connections were ended.

Redis excuses nothing: without it an export takes longer, and comes.
"""

from collections.abc import Iterable, Iterator, Sequence

from verification.prove.history import Fault, Read

SERVER_KILLED = "server killed"
CONNECTIONS_ENDED = "connections to PostgreSQL ended"

SERVER_SECONDS = 5.0
"""How long after a server serves again a reader may still fail there, and as long again as it was away: a
client tries to connect after one second, and then ever less often."""
DATABASE_SECONDS = 2.0
"""How long after its connections were ended a server may still come upon one of them."""


def _of_redis(fault: Fault) -> bool:
    """Says whether a fault concerns Redis alone."""
    return fault.kind not in (SERVER_KILLED, CONNECTIONS_ENDED)


def unexcused(reads: Iterable[Read], faults: Sequence[Fault]) -> Iterator[Read]:
    """Yields the reads that failed while at most Redis was broken."""
    grave = [fault for fault in faults if not _of_redis(fault)]
    for read in reads:
        if read.failure and not any(_excuses(fault, read) for fault in grave):
            yield read


def _excuses(fault: Fault, read: Read) -> bool:
    if fault.kind == SERVER_KILLED:
        away = fault.ended - fault.begun
        return fault.server == read.server and _overlap(fault, read, SERVER_SECONDS + away)
    return _overlap(fault, read, DATABASE_SECONDS)


def _overlap(fault: Fault, read: Read, seconds: float) -> bool:
    return read.start <= fault.ended + seconds and fault.begun <= read.end


def slowest(reads: Iterable[Read], faults: Sequence[Fault]) -> float:
    """Returns the longest time, in seconds, of an answer while Redis, and nothing else, was broken."""
    grave = [fault for fault in faults if not _of_redis(fault)]
    broken = [fault for fault in faults if _of_redis(fault)]
    return max(
        (
            read.seconds
            for read in reads
            if not read.failure
            and any(_overlap(fault, read, 0.0) for fault in broken)
            and not any(_overlap(fault, read, SERVER_SECONDS) for fault in grave)
        ),
        default=0.0,
    )
