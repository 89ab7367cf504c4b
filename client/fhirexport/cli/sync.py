"""`fhirexport sync`: keeps a copy of an export in a folder, and writes what has changed."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fhirexport.cli import output, sync_output
from fhirexport.cli.common import AsJson, DatasetName, until_interrupted
from fhirexport.cli.legal_entities import complete_ej, ej_id
from fhirexport.cli.sync_output import ChangeFormat
from fhirexport.client import Client
from fhirexport.errors import OverloadedError, UnavailableError
from fhirexport.mirrors.mirror import Mirror

_PASSING = (UnavailableError, OverloadedError)
_RETRY_SECONDS = 5.0
# What the server takes as its own, and fullUrl may begin with.
_BASE_URL = re.compile(
    r"https?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/[\w.~!$&'()*+,;=:@%/-]*)?", re.ASCII
)


def sync(
    client: Client,
    *,
    ej: Annotated[
        str,
        typer.Argument(
            metavar="EJ", help="The EJ: its id, or its FINESS number.", autocompletion=complete_ej
        ),
    ],
    dataset: Annotated[DatasetName, typer.Argument(metavar="DATASET", help="structure, patients or venues.")],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of the copy, and of nothing else.")
    ],
    movements: Annotated[
        bool, typer.Option("--movements", help="Of venues: also one Encounter for each movement.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, with each new revision, until Ctrl-C.")
    ] = False,
    written: Annotated[
        ChangeFormat | None,
        typer.Option("--as", help="Write what has changed to standard output, in this format."),
    ] = None,
    base_url: Annotated[
        str,
        typer.Option(
            "--base-url", metavar="URL", help="What fullUrl begins with, as BASE_URL of the server."
        ),
    ] = sync_output.BASE_URL,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read all of the copy first, and mend what is damaged.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a copy of an export in a folder up to date, for what has changed."""
    if movements and dataset is not DatasetName.VENUES:
        raise typer.BadParameter("--movements is for venues")
    if as_json and written is not None:
        raise typer.BadParameter("--json and --as both write to standard output: give one of them")
    if not _BASE_URL.fullmatch(base_url):
        raise typer.BadParameter("--base-url is an absolute http or https URL without a query")
    number = ej_id(client, ej)
    mirror = client.mirror(number, dataset.value, folder, movements=movements)
    with output.progress() as mirror.on_progress:
        if verify:
            # What it finds is mended by the update.
            with suppress(FileNotFoundError):
                mirror.verify()
        bring = partial(_bring, mirror, written, base_url, as_json=as_json)
        if watch:
            _follow(client, number, dataset, bring)
        else:
            bring()


def _follow(client: Client, number: int, dataset: DatasetName, bring: Callable[[], None]) -> None:
    """Bring the copy up to date with each new revision, the present one first."""
    with until_interrupted():
        for _ in client.watch(number, dataset.value, on_interruption=output.interrupted):
            # A revision is told once: it is not given up.
            while True:
                try:
                    bring()
                    break
                except _PASSING as error:
                    output.interrupted(error)
                    time.sleep(max(_RETRY_SECONDS, error.retry_after or 0.0))


def _bring(mirror: Mirror, written: ChangeFormat | None, base_url: str, *, as_json: bool) -> None:
    if written is None:
        update = mirror.update()
    else:
        # Only when all is written is the copy what has been told.
        with mirror.changes() as changes:
            sync_output.write(changes, written, base_url)
        update = changes.update
    sync_output.updated(mirror.path, update, as_json=as_json)
