"""Examines servers as `fhirexport doctor` does, and runs those that are none of ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from fhirexport.cli.diagnosis import checks
from fhirexport.cli.diagnosis.findings import Finding
from support.listening import listening

TLS = Path(__file__).with_name("tls")
"""A key that protects nothing, and a certificate that nobody vouches for."""


async def examined(target: str) -> list[Finding]:
    return await asyncio.to_thread(lambda: list(checks.examine(target)))


def levels(found: list[Finding]) -> dict[str, str]:
    """Returns the worst level of each check."""
    order = ("ok", "warning", "problem")
    levels: dict[str, str] = {}
    for one in found:
        levels[one.check] = max(levels.get(one.check, "ok"), one.level, key=order.index)
    return levels


def last(found: list[Finding]) -> tuple[str, str, str]:
    return found[-1].check, found[-1].level, found[-1].message


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[str]:
    """Runs a server that answers everything the same way; with None, it says nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            writer.close()
            await writer.wait_closed()

    async with listening(serve) as port:
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def encrypted() -> AsyncIterator[str]:
    certificate = (TLS / "key.pem").read_bytes(), (TLS / "certificate.pem").read_bytes()
    server = grpc.aio.server()
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([certificate]))
    await server.start()
    yield f"localhost:{port}"
    await server.stop(None)
