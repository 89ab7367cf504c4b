"""The errors of unpacking."""


class CorruptError(Exception):
    """What Redis holds is not what was written."""


class KeyMissingError(CorruptError):
    """What Redis holds is sealed with a key that this process does not have."""
