"""Types what the README says of TLS, tokens and rights, in an empty directory, and looks at who gets what."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from support.documented import BIN, blocks
from support.server import PATIENCE

SECTION = "With TLS, tokens and rights"
_MOST = 5


@asynccontextmanager
async def _typed(line: str, directory: Path, variables: Mapping[str, str]) -> AsyncIterator[Process]:
    """Run a line in a shell, until the end of the context."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", line, cwd=directory, env=variables, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            await process.communicate()


async def _printed(line: str, directory: Path, variables: Mapping[str, str]) -> tuple[int, str, str]:
    async with asyncio.timeout(PATIENCE), _typed(line, directory, variables) as process:
        out, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), errors.decode()


async def _listens(address: str) -> None:
    host, _, port = address.partition(":")
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            return


async def test_five_commands_serve_with_tls_tokens_and_rights(tmp_path: Path) -> None:
    server, caller = [block.text.splitlines() for block in blocks("README.md") if block.section == SECTION]
    assert len(server) <= _MOST
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    variables = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    # What is in their place on the reader's machine is the default.
    places = {"LISTEN_ADDRESS": address, "METRICS_ADDRESS": "off", "FHIREXPORT_ADDRESS": address}
    for line in server[:-1]:
        assert (await _printed(line, tmp_path, variables))[0] == 0, line
    async with _typed(server[-1], tmp_path, variables | places):
        await _listens(address)
        setting, allowed, refused = caller
        status, out, errors = await _printed(f"{setting}; {allowed}", tmp_path, variables | places)
        assert (status, out[:24], errors) == (0, '{"resourceType":"Bundle"', "")
        status, out, errors = await _printed(f"{setting}; {refused}", tmp_path, variables | places)
        assert (status, out, "ACCESS_DENIED" in errors) == (71, "", True)
        without = setting.partition(" FHIREXPORT_TOKEN_FILE")[0]
        status, out, errors = await _printed(f"{without}; {allowed}", tmp_path, variables | places)
        assert (status, out, "CREDENTIALS_MISSING" in errors) == (80, "", True)
