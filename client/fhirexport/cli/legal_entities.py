"""The names of an EJ on the command line, and their completion in a shell."""

import re
from collections.abc import Callable, Iterator

import grpc
import typer

from fhirexport.cli.connecting import OPTIONS, parsed
from fhirexport.client import Client
from fhirexport.errors import NotFoundError

# Two characters of a département, Corsica's with a letter, and seven digits.
_FINESS = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{7}", re.ASCII)
_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63 - 1
COMPLETION_SECONDS = 1.0
"""How long the person who types waits for what is offered."""
_COMPLETED = 200


def ej_id(client: Client, text: str) -> int:
    """Return the id of an EJ that was named by it, or by its FINESS number, in capitals or not.

    Raises:
        typer.BadParameter: it is neither.
        ExportError: it could not be looked up.
        NotFoundError: no EJ has this FINESS number.
    """
    if _FINESS.fullmatch(text.upper()):
        entity = next(client.entities(text), None)
        if entity is None:
            # Nine digits may be an id after all, where the ids are given out by somebody else.
            entity = next((other for other in client.entities() if str(other.ej_id) == text), None)
        if entity is None:
            raise NotFoundError(
                f"no EJ has the FINESS number {text.upper()}; fhirexport entities lists those there are",
                code=grpc.StatusCode.NOT_FOUND,
                reason="EJ_NOT_FOUND",
            )
        return entity.ej_id
    if _ID.fullmatch(text) and int(text) <= _LARGEST:
        return int(text)
    raise typer.BadParameter("must be an EJ's id or the nine characters of its FINESS number")


def complete_ej(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the ids and the FINESS numbers that begin so, each with its EJ's name."""
    return _completed(
        context,
        incomplete,
        lambda client: ((str(ej.ej_id), ej.finess, ej.name) for ej in client.entities()),
    )


def complete_finess(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the FINESS numbers that begin so."""
    return _completed(context, incomplete, lambda client: ((ej.finess, ej.name) for ej in client.entities()))


def _completed(
    context: typer.Context, incomplete: str, listed: Callable[[Client], Iterator[tuple[str, ...]]]
) -> list[tuple[str, str]]:
    """Return the completions for a shell; none, in silence, where no server answers at once."""
    names = {option.name for option in OPTIONS}
    options: dict[str, object] = {}
    level: typer.Context | None = context
    while level is not None:
        options = {
            name: value for name, value in level.params.items() if name in names and value is not None
        } | options
        level = level.parent  # type: ignore[assignment]  # typer's contexts have parents of the same kind
    completions: list[tuple[str, str]] = []
    try:
        connection = parsed(options | {"timeout": COMPLETION_SECONDS})
        with connection.open_client() as client:
            for *numbers, name in listed(client):
                # As it is typed so far, capitals or not: anything else would be no completion of it.
                completions += [
                    (incomplete + number[len(incomplete) :], name)
                    for number in numbers
                    if number.startswith(incomplete.upper())
                ]
                if len(completions) >= _COMPLETED:
                    break
    except Exception:  # noqa: BLE001 - whatever it is, the line that is being typed is no place to say so
        return []
    return completions
