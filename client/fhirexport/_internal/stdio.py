"""Standard streams and signals of a command: whatever becomes of them, it ends with one line or none."""

import errno
import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer  # exists for type checkers only

CLOSED_PIPE = 141
"""The exit status when the reader of a pipe has left: what a shell says of a program that SIGPIPE ends."""
FAILED = 1
SIGNALLED = 128
"""What is added to a signal's number to make an exit status, as shells do."""

ENDING_SECONDS = 10.0
"""How long a command that a signal ends may take to clean up."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_INPUT, _OUTPUT, _ERRORS = range(3)


class OutputError(Exception):
    """Standard output takes no more."""


class SignalledError(BaseException):
    """The process was told to end. Not an Exception, as with KeyboardInterrupt."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = SIGNALLED + number
        """The exit status."""


class _Outlet(io.RawIOBase):
    """A standard stream that fails once, and keeps how; a quiet one loses what nobody takes."""

    def __init__(self, descriptor: int, *, quiet: bool) -> None:
        self._descriptor = descriptor
        self._quiet = quiet
        self.error: OSError | None = None

    def writable(self) -> bool:
        """Return True: that is what it is for."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Say whether it is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: "ReadableBuffer") -> int:
        """Write some bytes, and return how many; all of them, to nowhere, once it has failed."""
        content = memoryview(data).cast("B")
        while self.error is None:
            try:
                return os.write(self._descriptor, content)
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError as error:
                if self._quiet:
                    break
                self.error = error
                raise OutputError from error
        return len(content)


@contextmanager
def signals_as_they_came() -> Iterator[None]:
    """Raise what a signal has raised, also where a lock hides it.

    A signal may come while a thread waits for a condition, and has let its lock go. What the handler raises
    leaves the `with` of a lock that is not held, and that is a RuntimeError.
    """
    try:
        yield
    except RuntimeError as error:
        hidden: BaseException | None = error
        while hidden is not None and not isinstance(hidden, KeyboardInterrupt | SignalledError):
            hidden = hidden.__context__
        if hidden is None:
            raise
        raise hidden from None


def run(program: str, command: Callable[[], object], *, signals: bool = True) -> int:
    """Run a command; return its exit status.

    SIGTERM and SIGHUP end it as Ctrl-C does, so that it cleans up: within `ENDING_SECONDS`. A standard
    output that cannot be written is reported in one line, but for a pipe whose reader has left.

    Args:
        program: the name that the line begins with.
        command: it may end with SystemExit, as commands do.
        signals: whether to look after the signals; False for one that does so itself.
    """
    output = _streams()
    try:
        with _signals() if signals else nullcontext(), signals_as_they_came():
            status = _status(command)
    except OutputError:
        status = FAILED
    except SignalledError as ended:
        status = ended.status
    except KeyboardInterrupt:
        status = SIGNALLED + signal.SIGINT
    with suppress(OutputError):
        sys.stdout.flush()
    if output.error is None:
        return status
    if output.error.errno == errno.EPIPE:
        return CLOSED_PIPE
    print(f"{program}: standard output: {output.error.strerror}", file=sys.stderr)  # noqa: T201 - the line
    return status or FAILED


def _status(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # noqa: T201 - what Python does with it
            return FAILED
        return end.code or 0
    return 0


def _streams() -> _Outlet:
    """Take the standard streams over; return the output's. One that is closed is one that fails."""
    for descriptor, flags in ((_INPUT, os.O_WRONLY), (_OUTPUT, os.O_RDONLY), (_ERRORS, os.O_RDONLY)):
        # Else the next file or connection that is opened would be taken for it.
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(_INPUT, "r", closefd=False)))
    output = _Outlet(_OUTPUT, quiet=False)
    sys.stdout = _text(output, sys.stdout, by_line=output.isatty())
    sys.stderr = _text(_Outlet(_ERRORS, quiet=True), sys.stderr, by_line=True)
    return output


def _text(outlet: _Outlet, before: TextIO | None, *, by_line: bool) -> TextIO:
    encoding = "utf-8" if before is None else before.encoding
    # A letter that the terminal's encoding lacks is no reason to fail.
    return io.TextIOWrapper(
        io.BufferedWriter(outlet), encoding, errors="backslashreplace", line_buffering=by_line
    )


@contextmanager
def _signals() -> Iterator[None]:
    """Turn the signals that end a program into an exception; a second one ends it at once."""
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    # One that is ignored stays so, as nohup wants it.
    defaults = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in numbers}
    taken = [number for number in numbers if before[number] in defaults]

    def end(number: int, _frame: FrameType | None) -> None:
        for handled in taken:
            signal.signal(handled, signal.SIG_DFL)
        raise KeyboardInterrupt if number == signal.SIGINT else SignalledError(number)

    with _limit(taken):
        for number in taken:
            signal.signal(number, end)
        try:
            yield
        finally:
            for number in taken:
                signal.signal(number, before[number])


@contextmanager
def _limit(numbers: Sequence[int]) -> Iterator[None]:
    """End the process `ENDING_SECONDS` after the first of these signals, whatever became of its exception.

    What a handler raises is lost in a finaliser and in a callback of C, and library code that it cuts short
    may wait for ever afterwards. A thread looks after that. The interpreter tells it of signals through a
    pipe, also when no handler gets to run.
    """
    if os.name != "posix":
        yield
        return
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)

    def wait() -> None:
        with os.fdopen(ours, "rb", buffering=0) as signals:
            while came := signals.read(1):
                if came[0] in numbers:
                    time.sleep(ENDING_SECONDS)
                    os._exit(SIGNALLED + came[0])

    threading.Thread(target=wait, name="fhirexport-signals", daemon=True).start()
    before = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(theirs)
