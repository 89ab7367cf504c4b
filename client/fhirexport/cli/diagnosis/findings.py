"""The results of the checks of `fhirexport doctor`; each check ends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import grpc

from fhirexport.cli.diagnosis.reaching import bounded
from fhirexport.errors import ExportError, from_rpc

T = TypeVar("T")
Level = Literal["ok", "warning", "problem"]
SECONDS = 8.0
"""How long one check may take: longer than the five seconds that the server gives a look-up."""


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    check: str
    level: Level
    """`problem`: exports do not work, or nobody can tell. `warning`: they work, less well than they could."""
    message: str
    advice: str = ""
    """What to do; empty where all is well."""


def outcome(work: Callable[[], T]) -> T | Exception:
    """Return the result of a check, or the exception that it failed with."""
    try:
        return bounded(work, SECONDS)
    except grpc.RpcError as error:
        return from_rpc(error)
    except (ExportError, OSError) as error:
        return error


def message_of(error: Exception) -> str:
    """Return what an error says, in words for a person."""
    match error:
        case ExportError():
            return f"{error.message} ({error.reason or error.code.name})"
        case TimeoutError():
            return f"no answer within {SECONDS:g} s"
        case OSError():
            return error.strerror or type(error).__name__
    return type(error).__name__
