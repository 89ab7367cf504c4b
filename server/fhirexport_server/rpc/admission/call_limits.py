"""The bounds of a single call, and of all calls together."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How long a call may take, and how much one message may hold."""

    stream_seconds: float
    """How long a call that streams its answer may take in all."""
    unary_seconds: float = 30.0
    """How long any other call may take in all."""
    write_seconds: float = 30.0
    """How long a client may take to accept one message of an answer, and then its status."""
    request_seconds: float = 10.0
    """How long a client may take to send its request."""
    bundle_seconds: float = 60.0
    """How long it may take to send one that holds a Bundle."""
    idle_seconds: float = 15.0
    """How long a client may take between two messages of a stream."""
    import_seconds: float = 300.0
    """How long an import of one Bundle may take in all; one of a stream may take `stream_seconds`."""
    bundle_bytes: int = 8 * 1024 * 1024
    """How long a Bundle that is to be imported may be."""
    unary_bytes: int = 3 * 1024 * 1024
    """How much content, uncompressed, fits in an answer of one message. Clients refuse messages over 4 MiB
    unless told otherwise, and JSON as a protobuf string is as long as it is in a file."""
    calls: int = 1000
    """How many calls there may be at once."""
    calls_per_peer: int = 500
    """How many of these may be one peer's."""
    calls_assured: int = 8
    """How many a connection may have whatever the others have."""
    health_calls: int = 500
    """How many calls of the health service there may be at once, beside the others."""
    health_calls_assured: int = 4
    """How many of those a connection may have whatever the others have."""
    bytes_in_flight: int = 256 * 1024 * 1024
    """How much memory messages on their way to callers may take, and as much those on their way here."""

    @property
    def message_bytes(self) -> int:
        """How long a message that comes in may be: one a little over is refused with words."""
        return self.bundle_bytes + self.bundle_bytes // 64
