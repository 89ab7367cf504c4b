"""`fhirexport watch`: tells of new revisions as they come."""

from dataclasses import asdict
from typing import Annotated

import typer

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
        for revision in client.watch(ej_id(client, ej), *names, on_interruption=output.interrupted):
            if as_json:
                output.print_json_line(asdict(revision))
            else:
                output.revision(revision)
