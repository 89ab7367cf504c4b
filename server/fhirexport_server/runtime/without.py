"""Imports without what a library loads where it is there, and this server has no use for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(package: str) -> Iterator[None]:
    """Make a package look absent to what is imported in the context, unless it is loaded already.

    What is imported so does without it for good. Python documents None in `sys.modules` for this.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment] # see above
    try:
        yield
    finally:
        del sys.modules[package]
