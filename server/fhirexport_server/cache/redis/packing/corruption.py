"""The error of unpacking."""


class CorruptError(Exception):
    """What Redis holds is not what was written."""
