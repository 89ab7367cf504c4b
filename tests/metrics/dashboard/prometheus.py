"""A real Prometheus, which reads a server's metrics every second."""

import asyncio
import json
import shutil
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from support.documented import ROOT
from support.server import PATIENCE

_RULES = ROOT / "deploy/prometheus"


class QueryError(Exception):
    """Prometheus refuses a query; the message is its own."""


class Sample(NamedTuple):
    """One number of a line."""

    time: float
    """In seconds since 1970."""
    value: float


class Prometheus:
    """A running Prometheus."""

    def __init__(self, address: str) -> None:
        self._address = address

    def ranged(
        self, expression: str, start: float, end: float
    ) -> list[tuple[Mapping[str, str], Sequence[Sample]]]:
        """Return what an expression was each second, by labels.

        Raises:
            QueryError: It is refused.
        """
        found = self.get("query_range", query=expression, start=start, end=end, step=1)
        return [
            (series["metric"], [Sample(moment, float(value)) for moment, value in series["values"]])
            for series in found["result"]
        ]

    def get(self, what: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON has any shape
        """Return the data of an answer of the HTTP API.

        Raises:
            QueryError: It is an error.
        """
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(
                f"http://{self._address}/api/v1/{what}?{query}", timeout=PATIENCE
            ) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise QueryError(f"{parameters}: {error.read().decode()}") from error

    def is_ready(self) -> bool:
        """Say whether it serves."""
        try:
            with urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=PATIENCE):
                return True
        except OSError:
            return False


@asynccontextmanager
async def running_prometheus(directory: Path, target: str) -> AsyncIterator[Prometheus]:
    """Run Prometheus on our rules until the end of the context.

    Args:
        directory: What it keeps goes there.
        target: Where the metrics are, as `host:port`.
    """
    program = shutil.which(Path(sys.executable).with_name("prometheus")) or shutil.which("prometheus")
    assert program is not None, "prometheus is missing: `make rules` takes it from Debian's package"
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = directory / "prometheus.yml"
    settings = {
        "global": {
            "scrape_interval": "1s",
            "evaluation_interval": "5s",
            "external_labels": {"documentation": "https://documentation.test"},
        },
        "rule_files": [str(_RULES / "rules.yml"), str(_RULES / "objectives.yml")],
        "scrape_configs": [{"job_name": "fhirexport", "static_configs": [{"targets": [target]}]}],
    }
    config.write_text(json.dumps(settings))  # JSON is YAML
    with (directory / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(program, f"--config.file={config}", f"--storage.tsdb.path={directory / 'measurements'}"),
            f"--web.listen-address={address}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    prometheus = Prometheus(address)
    try:
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(prometheus.is_ready):
                assert process.returncode is None, (directory / "prometheus.log").read_text()
                await asyncio.sleep(0.1)
        yield prometheus
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
