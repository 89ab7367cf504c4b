"""A server behind TLS, as a proxy puts it there; and certificates whose keys protect nothing."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from support.listening import connected, listening, relay

FOLDER = Path(__file__).parents[1] / "client" / "tls"
"""`ca.pem` has issued `server.pem`, which is for `export.test`, `localhost` and 127.0.0.1, and `client.pem`;
nobody has its key any more. `certificate.pem` vouches for itself."""
CA, CERT, KEY = FOLDER / "ca.pem", FOLDER / "client.pem", FOLDER / "client-key.pem"
OTHER_CA = FOLDER / "certificate.pem"
_HANDSHAKE = 0x16
"""The first byte of TLS."""


@asynccontextmanager
async def behind_tls(
    address: str, *, mutual: bool = False, context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Puts TLS in front of a server that speaks plaintext; yields the address of that.

    Args:
        address: The server's: `host:port`, or the path of its Unix socket.
        mutual: Whether callers must show a certificate.
        context: The TLS, in place of all this.
    """
    if context is None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=CA)
        context.load_cert_chain(FOLDER / "server.pem", FOLDER / "server-key.pem")
        context.set_alpn_protocols(["h2"])
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED

    async def encrypt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Here, and not by the server: whoever has not shaken hands yet is one to be sent away as well.
        await writer.start_tls(context)
        await relay(reader, writer, await connected(address))

    async with listening(encrypt) as port:
        yield f"localhost:{port}"


@asynccontextmanager
async def with_or_without_tls(address: str, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Puts a port before a server that speaks plaintext, for callers of either kind; yields the port.

    So servers that name each other have one address, for each other and for callers with TLS.
    """

    async def choose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if begun := await reader.read(65_536):
            there = await connected(encrypted if begun[0] == _HANDSHAKE else address)
            there[1].write(begun)
            await relay(reader, writer, there)

    async with behind_tls(address, context=context) as encrypted, listening(choose) as port:
        yield port
