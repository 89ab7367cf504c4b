"""Breaks entries in Redis while it runs: damaged, lost, exchanged, or older than before."""

from collections.abc import Callable
from random import Random
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster

AnyClient = Redis | RedisCluster


class Entries:
    """Meddles with what the servers keep. Each method returns whether there was anything to break."""

    def __init__(self, connect: Callable[[], Any], random: Random) -> None:
        """Break what there is by a client that `connect` returns: that of one server, or of a cluster."""
        self._client = connect
        self._random = random
        self._earlier: dict[bytes, bytes] = {}

    def flush(self) -> bool:
        """Deletes everything."""
        with self._client() as client:
            client.flushdb()
        return True

    def evict(self) -> bool:
        """Deletes some keys, as Redis does when it has no room."""
        with self._client() as client:
            keys = list(client.scan_iter())
            doomed = self._random.sample(keys, max(1, len(keys) // 3)) if keys else []
            return bool(doomed) and bool(client.unlink(*doomed))

    def corrupt(self) -> bool:
        """Damages some keys, of which at least one beside an entry if there is any."""
        with self._client() as client:
            keys = list(client.scan_iter())
            beside = [key for key in keys if b"}:s:" in key]
            doomed = self._random.sample(keys, min(len(keys), 5)) + self._random.sample(beside, bool(beside))
            for key in doomed:
                self._damage(client, key)
            return bool(doomed)

    def _damage(self, client: AnyClient, key: bytes) -> None:
        """Changes a byte or the length of a field, or takes it away; or gives the key another type."""
        kind = client.type(key)
        if kind == b"string" and b"}:s:" in key:
            self._damage_segment(client, key)
            return
        fields = client.hkeys(key) if kind == b"hash" else []
        if not fields or self._random.random() < 0.1:
            client.set(key, b"\x00\xff", keepttl=True)
            return
        bulky = b"manifest" in fields and self._random.random() < 0.5
        field = b"manifest" if bulky else self._random.choice(fields)
        found = client.hget(key, field)
        value = found if isinstance(found, bytes) and found else b"0"
        match self._random.choice(("byte", "byte", "short", "gone")):
            case "byte":
                at = self._random.randrange(len(value))
                changed = value[at] ^ self._random.choice((1, 2, 16, 128))
                client.hset(key, field, value[:at] + bytes([changed]) + value[at + 1 :])
            case "short":
                client.hset(key, field, value[: len(value) // 2])
            case _:
                client.hdel(key, field)

    def _damage_segment(self, client: AnyClient, key: bytes) -> None:
        value = client.get(key)
        others = [one for one in client.scan_iter(match="{fhir:export:*}:s:*") if one != key]
        match self._random.choice(("byte", "byte", "short", "gone", "another")):
            case "byte" if isinstance(value, bytes) and value:
                at = self._random.randrange(len(value))
                client.setrange(key, at, bytes([value[at] ^ self._random.choice((1, 2, 16, 128))]))
            case "short" if isinstance(value, bytes) and value:
                client.set(key, value[: len(value) // 2], keepttl=True)
            case "another" if others:
                _copy(client, self._random.choice(others), key)
            case _:
                client.unlink(key)

    def exchange(self) -> bool:
        """Puts entries in others' places: those of other layouts, and of other exports."""
        with self._client() as client:
            heads = sorted(client.scan_iter(match="fhir:export:*"))
            away = self._random.choice((1, 1, 1 + len(heads) // 2))
            pairs = list(zip(heads, heads[away:], strict=False))[self._random.randrange(2) :: 2]
            for source, target in pairs:
                _copy(client, source, target)
            return bool(pairs)

    def outdate(self) -> bool:
        """Puts back what all entries were when this was called before."""
        with self._client() as client:
            kept = [key for key in client.scan_iter() if b"fhir:export:" in key]
            now = {key: dump for key in kept if (dump := client.dump(key)) is not None}
            for key, dump in self._earlier.items():
                client.restore(key, 60_000, dump, replace=True)
            restored, self._earlier = bool(self._earlier), now
            return restored


def _copy(client: AnyClient, source: bytes, target: bytes) -> None:
    """Puts one entry in another's place. COPY would do it only where one server has both."""
    dump = client.dump(source)
    if isinstance(dump, bytes):
        client.restore(target, 60_000, dump, replace=True)
