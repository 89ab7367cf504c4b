"""Logging: one pipeline for our lines and those of libraries, to stderr and to a file.

Of a traceback, only the types of exceptions and the places of the calls are logged: an exception's message
may quote a row.
"""

import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler, WatchedFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

_FILE_BYTES = 10 * 1024 * 1024
_OLD_FILES = 5
_ROTATION_SECONDS = 2.0


def configure(level: str, file: Path | None, *, worker: int | None = None) -> None:
    """Send every log line of this process through one pipeline.

    Lines are JSON objects in the file, and on stderr unless it is a terminal, where they are coloured.

    Args:
      level: The least severe level of our own lines. Libraries log from WARNING on: below it
        they print parameters and rows.
      file: Where to write the log as well, or None.
      worker: The number of this process, where it is one of several that write to the file. It is in each
        line then, and the file is the parent's to rotate.

    Raises:
      OSError: The file cannot be written.
    """
    terminal = sys.stderr.isatty()
    shared = _shared(worker)
    handlers: list[logging.Handler] = [
        _handler(logging.StreamHandler(sys.stderr), shared, worker, colors=terminal)
    ]
    if file is not None:
        written = _rotated(file) if worker is None else WatchedFileHandler(file, encoding="utf-8")
        handlers.append(_handler(written, shared, worker, colors=False))
    severity = logging.getLevelNamesMapping()[level]
    logging.basicConfig(level=max(severity, logging.WARNING), handlers=handlers, force=True)
    logging.getLogger("fhirexport_server").setLevel(severity)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_no_departure)
    logging.captureWarnings(capture=True)
    # Facts that no line has, and that the library looks up for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.raiseExceptions = False  # a full disk must not turn log lines into tracebacks on stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def writer(name: str) -> Callable[[str, Mapping[str, object]], None]:
    """Return what logs lines at INFO whose fields are complete: none is added from the context.

    Where the pipeline is that of `configure`, such a line is encoded once, whatever handlers there are: each
    call has one, and the general way takes four times as long.

    Args:
        name: The name of the logger.
    """
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    ours = next((one for one in formatters if isinstance(one, _Formatter)), None)
    if ours is None:
        general = structlog.stdlib.get_logger(name)
        return lambda event, fields: general.info(event, **fields)
    logger = logging.getLogger(name)
    worker = {} if ours.worker is None else {"worker": ours.worker}

    def write(event: str, fields: Mapping[str, object]) -> None:
        if not logger.isEnabledFor(logging.INFO):
            return
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        line = {**fields, "event": event, "level": "info", "logger": name, "timestamp": now, **worker}
        record = logging.LogRecord(name, logging.INFO, "", 0, json.dumps(line), None, None)
        record.fields = line
        logger.handle(record)

    return write


def where(error: BaseException) -> list[str]:
    """Return the types of an exception and its causes, each with the calls that it left; no messages.

    Example:
      `["ValueError", "store/rows.py:12 in read", "RuntimeError", "exports/spool.py:80 in fail"]`
    """
    return [line for link in _chain(error) for line in (type(link).__name__, *_frames(link.__traceback__))]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _frames(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(trace):
        code = frame.f_code
        yield f"{'/'.join(Path(code.co_filename).parts[-2:])}:{line} in {code.co_name}"


def _is_no_departure(record: logging.LogRecord) -> bool:
    """Return whether a line of gRPC's reports more than a caller that left during the response."""
    return not record.exc_info or type(record.exc_info[1]).__name__ != "ExecuteBatchError"


async def rotate() -> None:
    """Rotate the log's file for the workers that write to it, whenever it is due, for ever."""
    files = [handler for handler in logging.getLogger().handlers if isinstance(handler, RotatingFileHandler)]
    while files:
        await asyncio.sleep(_ROTATION_SECONDS)
        for handler in files:
            with suppress(OSError):
                _rotate_if_due(handler)


def _rotate_if_due(handler: RotatingFileHandler) -> None:
    if Path(handler.baseFilename).stat().st_size < _FILE_BYTES:
        return
    handler.acquire()
    try:
        handler.doRollover()
    finally:
        handler.release()


def _rotated(file: Path) -> RotatingFileHandler:
    return RotatingFileHandler(file, maxBytes=_FILE_BYTES, backupCount=_OLD_FILES, encoding="utf-8")


def _shared(worker: int | None) -> list[Processor]:
    def numbered(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if worker is not None:
            event["worker"] = worker
        return event

    return [
        numbered,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_exception_text,
    ]


def _handler(
    handler: logging.Handler, shared: list[Processor], worker: int | None, *, colors: bool
) -> logging.Handler:
    renderer: Processor = structlog.processors.JSONRenderer()
    if colors:
        renderer = structlog.dev.ConsoleRenderer()
    handler.setFormatter(
        _Formatter(
            renderer if colors else None,
            worker,
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    return handler


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Formats what has come through structlog, what libraries log, and the lines of a `writer`."""

    def __init__(self, colored: Processor | None, worker: int | None, **options: Any) -> None:
        super().__init__(**options)
        self._colored = colored
        self.worker = worker

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        fields = getattr(record, "fields", None)
        if fields is None:
            return super().format(record)
        if self._colored is None:
            return str(record.msg)
        return str(self._colored(None, "info", dict(fields)))


def _without_exception_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["where"] = where(error)
    event.pop("stack_info", None)
    # asyncio and warnings put the repr of an exception, or source, on the lines after the first.
    event["event"] = str(event["event"]).partition("\n")[0]
    return event
