"""Owns the renderer's version, which is part of every etag."""

from typing import Final

RENDERER_VERSION: Final = "2"
"""To be raised whenever any byte of any resource changes."""
