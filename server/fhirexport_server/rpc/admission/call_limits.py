"""The limits of a call, and of all calls together."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How long calls may take, how large messages may be, and how many there may be."""

    stream_seconds: float
    """How long a call with a streamed response may take in all."""
    watch_seconds: float = 900.0
    """How long a watch of exports may last; then its caller watches anew. It is shorter than the rest of its
    connection's time, so that no watch is cut off."""
    unary_seconds: float = 30.0
    """How long any other call may take in all."""
    write_seconds: float = 30.0
    """How long a client may take to accept one message of a response, and then its status."""
    request_seconds: float = 10.0
    """How long a client may take to send its request."""
    bundle_seconds: float = 60.0
    """How long a client may take to send a request that holds a Bundle."""
    idle_seconds: float = 15.0
    """How long a client may take between two messages of a stream."""
    import_seconds: float = 300.0
    """How long an import of one Bundle may take in all; one of a stream may take `stream_seconds`."""
    bundle_bytes: int = 8 * 1024 * 1024
    """The size of the largest Bundle to import."""
    unary_bytes: int = 3 * 1024 * 1024
    """The most content, uncompressed, in a unary response. By default, clients refuse messages over 4 MiB,
    and JSON is as long in a protobuf string as in a file."""
    calls: int = 1000
    """How many calls may be in progress at once."""
    calls_per_peer: int = 500
    """How many of these one peer may have."""
    calls_assured: int = 8
    """How many a connection may always have, whatever the others have."""
    watches: int = 1000
    """How many watches of exports may be in progress at once, besides the others."""
    watches_per_peer: int = 500
    """How many of those one peer may have."""
    watches_assured: int = 1
    """How many of those a connection may always have, whatever the others have."""
    health_calls: int = 500
    """How many calls of the health service may be in progress at once, besides the others."""
    health_calls_assured: int = 4
    """How many of those a connection may always have, whatever the others have."""
    bytes_in_flight: int = 256 * 1024 * 1024
    """How much memory outbound messages may take, and inbound ones as much again."""

    intake_bytes_per_second: int = 100 * 1024 * 1024
    """How much of large inbound messages is parsed in a second, over all callers: ten times what an import
    reads, and little enough that others' calls hardly wait."""
    long_bytes_per_second: int = 16 * 1024 * 1024
    """How much of messages longer than 2 MiB, as Bundles are, is received in a second: more than
    imports read. One of 8 MiB keeps everybody waiting for some 20 ms, in a few pieces."""
    turn_seconds: float = 30.0
    """How long an import may wait until its next message is received."""

    @property
    def message_bytes(self) -> int:
        """The size of the largest inbound message. A Bundle slightly over its limit gets an error of ours."""
        return self.bundle_bytes + self.bundle_bytes // 64
