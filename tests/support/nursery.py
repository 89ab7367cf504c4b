"""A process that has loaded our commands, and forks one whenever a test wants to run it.

A command spends most of a second on loading modules, and the tests run hundreds. What is forked is a process
with its own arguments, variables, directory and standard streams, which runs what its console script runs.
This file is the program of the process: it listens on a socket at the path that it is given, until its input
ends. It is run as a file, as a console script is: commands name themselves by that.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Final

# Each console script by its name, and what it loads sooner or later.
SCRIPTS: Final = {"fhirexport": "fhirexport.cli", "fhirexport-server": "fhirexport_server.__main__"}
_LOADED: Final = (
    *("fhirexport.cli.commands", "fhirexport.aio", "typer.rich_utils", "fhirexport_server.commands"),
    "fhirexport_server.serving",
    *SCRIPTS.values(),
)
_LONGEST: Final = 128 * 1024


def main() -> None:
    """Serve until the input ends; in a child, run the command that was asked for."""
    os.environ["GRPC_VERBOSITY"] = "NONE"  # it is read when gRPC is loaded; the scripts set it as well
    for module in _LOADED:
        importlib.import_module(module)
    # What is loaded is no garbage: a command would look through it as it ends, for half a second.
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those who keep children wait for them
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(sys.argv[1])
        listener.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _keep(connection)
                    return
    path = Path(sys.argv[1])
    path.unlink()
    path.parent.rmdir()


def _keep(connection: socket.socket) -> None:
    """Fork the command, and tell its pid, then how it ended; in the command itself, run it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, streams, _, _ = socket.recv_fds(connection, _LONGEST, 3)
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(json.loads(request), streams)
        return
    for stream in streams:
        os.close(stream)
    with contextlib.suppress(OSError):  # nobody wants to know any more
        connection.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(wanted: dict[str, object], streams: list[int]) -> None:
    given = iter(streams)
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if descriptor in wanted["closed"]:  # type: ignore[operator]  # a list
            # What a program finds that is started so: no stream at all.
            os.close(descriptor)
            setattr(sys, name, None)
            setattr(sys, f"__{name}__", None)
            continue
        stream = next(given)
        os.dup2(stream, descriptor)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(str(wanted["directory"]))
    os.environ.clear()
    os.environ.update(wanted["environment"])  # type: ignore[call-overload]  # names and values
    sys.argv = [str(argument) for argument in wanted["arguments"]]  # type: ignore[attr-defined]  # a list
    module = str(wanted["module"])
    if module:
        sys.path.insert(0, str(Path(__file__).parents[1]))
    script = importlib.import_module(module or SCRIPTS[Path(sys.argv[0]).name])
    script.main()


if __name__ == "__main__":
    main()
