"""Owns what is to be said of how a Redis is set up: each warning says what to do."""

from fhirexport_server.cache.redis.inspection import ServerFacts

_OLDEST = {"redis": (6, 2), "valkey": (7, 2)}


def warnings(server: ServerFacts) -> tuple[str, ...]:
    """Returns what will cause trouble."""
    told = []
    if not server.max_memory:
        told.append(
            "maxmemory is not set: Redis may take all the memory of its machine; set maxmemory, "
            "and maxmemory-policy volatile-lfu"
        )
    elif server.policy == "noeviction":
        told.append(
            "maxmemory-policy is noeviction: once Redis is full it refuses to write, for every application; "
            "set it to volatile-lfu"
        )
    elif server.policy.startswith("allkeys-"):
        told.append(
            f"maxmemory-policy is {server.policy}: if other applications have keys here, it evicts theirs to "
            "make room for ours; set it to volatile-lfu, or give this service a Redis of its own"
        )
    oldest = _OLDEST[server.name]
    if _numbers(server.version) < oldest:
        told.append(f"{server.name} {server.version} is older than {'.'.join(map(str, oldest))}: upgrade it")
    return tuple(told)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
