"""Warnings of a Redis server's configuration. Each says what to do."""

from fhirexport_server.cache.redis.inspection import ServerFacts

_OLDEST = {"redis": (6, 2), "valkey": (7, 2)}


def warnings(server: ServerFacts, *, is_sealed: bool) -> tuple[str, ...]:
    """Return a warning for each setting that will cause trouble; `is_sealed` is of what lies there."""
    advice = []
    if not server.max_memory:
        advice.append(
            "maxmemory is not set: Redis may take all the memory of its machine; set maxmemory, "
            "and maxmemory-policy volatile-lfu"
        )
    elif server.policy == "noeviction":
        advice.append(
            "maxmemory-policy is noeviction: once Redis is full it refuses to write, for every application; "
            "set it to volatile-lfu"
        )
    elif server.policy.startswith("allkeys-"):
        advice.append(
            f"maxmemory-policy is {server.policy}: if other applications have keys here, it evicts theirs to "
            "make room for ours; set it to volatile-lfu, or give this service a Redis of its own"
        )
    if server.saves and not is_sealed:
        advice.append(
            "it writes patients' data to its disk in the clear: set CACHE_KEYS_FILE (docs/security.md), "
            "or save and appendonly of Redis off"
        )
    oldest = _OLDEST[server.name]
    if _numbers(server.version) < oldest:
        advice.append(
            f"{server.name} {server.version} is older than {'.'.join(map(str, oldest))}: upgrade it"
        )
    return tuple(advice)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
