"""The renderer's version, which is part of every etag."""

from typing import Final

RENDERER_VERSION: Final = "2"
"""Raise it whenever any byte of any resource changes."""
