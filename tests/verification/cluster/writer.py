"""A process that writes as that of `make prove` does, to whichever server is the primary."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

from verification.cluster.following import following
from verification.prove import writer
from verification.prove.bells import ringer
from verification.prove.history import Recorder
from verification.prove.plan import Plan, wait_for_start

SERVERS = "CLUSTER_DATABASES"
"""The variable that names the URLs of the database's servers, with spaces between."""


def main() -> None:
    """Writes until the time is over."""
    plan = Plan.given()
    writer.PREPARED = 0.0  # what is prepared on a primary that dies waits for somebody who knows of it
    with ExitStack() as stack:
        its_hand = stack.enter_context(following(os.environ[SERVERS].split()))
        recorder = stack.enter_context(Recorder(plan.history("writer")))
        bell = stack.enter_context(ringer(Path(plan.directory), plan.readers, plan.random("bell")))
        its_writer = writer.Writer(plan, its_hand, recorder, bell)
        its_writer.begin()
        until, random = wait_for_start(), plan.random("pauses")
        while monotonic() < until:
            its_writer.burst(until)
            time.sleep(random.uniform(0.1, 1.1))


if __name__ == "__main__":
    main()
