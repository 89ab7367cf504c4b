"""A process that imports as that of `make prove` does, through whichever servers there are."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fhirexport import Client
from verification.cluster.reader import ADDRESSES
from verification.prove import importer
from verification.prove.plan import Plan


@contextmanager
def clients(plan: Plan) -> Iterator[list[Client]]:
    """Opens a way to each server."""
    del plan
    with ExitStack() as stack:
        yield [stack.enter_context(Client(target, tls=False)) for target in os.environ[ADDRESSES].split(",")]


def main() -> None:
    """Imports until the time is over."""
    importer.open_clients = clients
    importer.PATIENCE = 120.0
    importer.main()


if __name__ == "__main__":
    main()
