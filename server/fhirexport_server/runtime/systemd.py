"""What systemd is told of a service of `Type=notify`: sd_notify(3), whose protocol is a datagram.

`NOTIFY_SOCKET` is no setting: systemd sets it, and only for services that it listens to.
"""

import os
import socket
import time


def notify(*lines: str) -> None:
    """Send some assignments, such as `READY=1`, where a supervisor listens."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.connect(f"\0{path[1:]}" if path.startswith("@") else path)
            sender.sendall("\n".join(lines).encode())
        except OSError:
            return  # nobody listens, and the service is as good as before


def reloading() -> None:
    """Say that a reload begins. `READY=1` says that it is over."""
    microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notify("RELOADING=1", f"MONOTONIC_USEC={microseconds}")
