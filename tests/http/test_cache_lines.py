"""Shows that operators can run the cache with four curl lines, exactly as they are documented."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.envoy import ROOT, Envoy, running_envoy
from support.server import running_server, wait_for_health
from support.valkey import Valkey

LINES = {
    "GetStats": "curl http://localhost:8000/api/cache/stats",
    "Invalidate": 'curl -X POST "http://localhost:8000/api/cache/invalidate?pattern=fhir:export:venues:*"',
    "Flush": "curl -X POST http://localhost:8000/api/cache/flush",
    "GetHealth": "curl http://localhost:8000/api/cache/health",
}
ANSWERS = {
    "GetStats": {
        "enabled", "used_memory", "total_connections", "total_commands",
        "keyspace_hits", "keyspace_misses", "hit_rate",
    },
    "Invalidate": {"matched_count", "deleted_count"},
    "Flush": {"deleted_count"},
    "GetHealth": {"state"},
}  # fmt: skip


@pytest.mark.parametrize("method", LINES)
async def test_a_line_reaches_its_method(
    method: str,
    shell: Callable[[str, Envoy], Awaitable[str]],
    small_url: str,
    valkey: Valkey,
    tmp_path: Path,
) -> None:
    async with running_server(small_url, redis_url=valkey.url) as server:
        await wait_for_health(server)
        async with running_envoy(tmp_path, server) as envoy:
            printed = await shell(LINES[method], envoy)
    assert ANSWERS[method] <= set(json.loads(printed))


def test_the_lines_are_documented() -> None:
    page = (ROOT / "docs" / "http.md").read_text()
    assert [line for line in LINES.values() if f"$ {line}\n" not in page] == []


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/api/cache/stats"),
        ("POST", "/api/cache/invalidate?pattern=fhir:export:venues:*"),
        ("POST", "/api/cache/flush"),
        ("GET", "/api/cache/health"),
    ],
)
async def test_they_are_answered_without_redis_too(verb: str, path: str, shared_envoy: Envoy) -> None:
    answer = await shared_envoy.ask(path, method=verb)
    assert answer.status == 200
    if path.endswith("stats"):
        assert answer.json["enabled"] is True
        assert answer.json["keyspace_hits"] == "0"
        assert "total_commands" not in answer.json
