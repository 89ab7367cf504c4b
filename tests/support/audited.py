"""A server with an audit trail and a policy, and what its callers are refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from fhirexport_server.app import App

from support.callers import Caller, Guarded
from support.certificates import Site
from support.every_method import RPCS, TIMEOUT
from support.status import Refused, refused

EVERYTHING = ("export:*:*", "watch:*:*", "import:*", "cache:read", "cache:admin")


def all_and_nothing(directory: Path) -> Guarded:
    """Returns a server whose callers are "all", who may do everything, and "nothing"."""
    return Guarded(Site(directory), {"all": EVERYTHING, "nothing": ()})


@asynccontextmanager
async def audited(guarded: Guarded, url: str, trail: Path, **more: object) -> AsyncIterator[App]:
    """Runs a server that keeps its trail in a directory."""
    given: dict[str, object] = {"audit_directory": str(trail), "metrics_address": "127.0.0.1:0"}
    async with guarded.running(url, **given, **more) as app:
        yield app


async def refusal(caller: Caller, method: str) -> Refused | None:
    """Calls a method about EJ 1; returns what it is refused with, None where it is answered."""
    try:
        async with asyncio.timeout(TIMEOUT):
            await RPCS[method](caller, 1)
    except grpc.aio.AioRpcError as error:
        return refused(error)
    return None
