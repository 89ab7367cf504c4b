"""The naive rival: an ORM that loads lazily, dicts, JSON in Redis that writers would delete.

It answers over plain grpc.aio, which is faster than the HTTP that such servers mostly speak, with the same
resources as ours. It asks the database nothing on a hit, so that it serves what is outdated whenever a writer
forgets it.

Usage: `python rival.py DATABASE_URL REDIS_URL`; prints its port.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import redis.asyncio
from fhirexport_server.store.connection.engine import create
from sqlalchemy import Engine

sys.path.insert(0, str(Path(__file__).parents[3]))
from verification.bench.rivals import orm

EJ_ID = 1
WAYS: dict[str, Callable[[Engine], str]] = {
    "structure": lambda engine: orm.structure_text(engine, EJ_ID),
    "patients": lambda engine: orm.patients_text(engine, EJ_ID, eager=False),
    "venues": lambda engine: orm.venues_text(engine, EJ_ID, eager=False),
}


class _Rival(grpc.GenericRpcHandler):
    """Answers `/rival/venues-hit` and the like."""

    def __init__(self, engine: Engine, cache: "redis.asyncio.Redis") -> None:
        self._engine = engine
        self._cache = cache

    def service(self, details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401 - the library's type is unnamed
        dataset, _, kind = details.method.rpartition("/")[2].partition("-")

        async def answer(_request: bytes, _context: object) -> bytes:
            key = f"rival:{dataset}"
            if kind == "miss":
                await self._cache.delete(key)
            kept = await self._cache.get(key)
            if isinstance(kept, bytes):
                # What a web framework does that is handed dicts.
                return json.dumps(json.loads(kept)).encode()
            made = (await asyncio.to_thread(WAYS[dataset], self._engine)).encode()
            await self._cache.set(key, made, ex=3600)
            return made

        return grpc.unary_unary_rpc_method_handler(answer)


async def main(url: str, redis_url: str) -> None:
    """Serves until it is ended."""
    orm.map_entities()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Rival(create(url), redis.asyncio.Redis.from_url(redis_url)),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
