"""`fhirexport watch`: tells of new revisions as they come."""

import os
import select
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict
from threading import Event, Thread
from typing import Annotated

import typer

from fhirexport._internal.stdio import CLOSED_PIPE
from fhirexport.cache_models import Dataset
from fhirexport.cli import output
from fhirexport.cli.common import AsJson, DatasetName, until_interrupted
from fhirexport.cli.legal_entities import complete_ej, ej_id
from fhirexport.client import Client


def watch(
    client: Client,
    *,
    ej: Annotated[
        str,
        typer.Argument(
            metavar="EJ", help="The EJ: its id, or its FINESS number.", autocompletion=complete_ej
        ),
    ],
    datasets: Annotated[
        list[DatasetName] | None, typer.Argument(metavar="[DATASET]...", help="All three if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell of new revisions of an EJ's datasets, the present ones first, until Ctrl-C; one a line."""
    names: list[Dataset] = [dataset.value for dataset in datasets or ()]
    with until_interrupted():
        following = client.watch(ej_id(client, ej), *names, on_interruption=output.interrupted)
        is_left = _when_left(following.cancel)
        for revision in following:
            if as_json:
                output.print_json_line(asdict(revision))
            else:
                output.revision(revision)
    if is_left.is_set():
        raise typer.Exit(CLOSED_PIPE)


def _when_left(end: Callable[[], None]) -> Event:
    """Call a function once the reader of a pipe has left, which a next line would tell too late.

    Return what is set then. Nothing happens where standard output is no pipe.
    """
    is_left = Event()
    descriptor = sys.stdout.fileno()
    if not hasattr(select, "poll") or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return is_left

    def wait() -> None:
        poll = select.poll()
        poll.register(descriptor, 0)  # of errors it always tells
        poll.poll()
        is_left.set()
        end()

    Thread(target=wait, name="fhirexport-pipe", daemon=True).start()
    return is_left
