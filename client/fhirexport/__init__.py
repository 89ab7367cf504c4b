"""What callers import: the two clients, their answers and their errors.

They are loaded when the first of them is asked for, and gRPC with them: the command has to say before that
what gRPC may print.
"""

from typing import TYPE_CHECKING

from fhirexport._version import __version__ as __version__

if TYPE_CHECKING:
    from fhirexport._internal.public import *  # noqa: F403 - exactly what is below


def __getattr__(name: str) -> object:
    # All that is offered begins with a capital. The rest are this package's modules, which Python finds.
    if not name[:1].isupper() and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fhirexport._internal import public  # noqa: PLC0415 - what this is about

    globals().update({each: getattr(public, each) for each in ("__all__", *public.__all__)})
    try:
        return globals()[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    from fhirexport._internal import public  # noqa: PLC0415 - as above

    return sorted({*globals(), *public.__all__})
