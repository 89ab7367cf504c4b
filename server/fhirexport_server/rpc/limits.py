"""Owns the bounds of a single call."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How long a call may take, and how much one message may hold."""

    stream_seconds: float
    """How long a call that streams its answer may take in all."""
    unary_seconds: float = 30.0
    """How long any other call may take in all."""
    write_seconds: float = 30.0
    """How long a client may take to accept one message of a stream."""
    import_seconds: float = 300.0
    """How long an import of one Bundle may take in all; one of a stream may take `stream_seconds`."""
    bundle_bytes: int = 8 * 1024 * 1024
    """How long a Bundle that is to be imported may be. A message may be twice as long, so that one that is
    a little too long is refused with words."""
    unary_bytes: int = 3 * 1024 * 1024
    """How much content, uncompressed, fits in an answer of one message. Clients refuse messages over 4 MiB
    unless told otherwise, and JSON as a protobuf string is as long as it is in a file."""
