"""What an EJ can be named by on the command line, and which ones a shell can complete."""

import re
from collections.abc import Callable, Iterator

import grpc
import typer

from fhirexport.cli.connecting import OPTIONS, understood
from fhirexport.client import Client
from fhirexport.errors import NotFoundError

# Two characters of a département, Corsica's with a letter, and seven digits.
_FINESS = re.compile(r"(?:[0-9]{2}|2[AB])[0-9]{7}", re.ASCII)
_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63 - 1
_COMPLETION_SECONDS = 1.0
_COMPLETED = 200


def ej_id(client: Client, text: str) -> int:
    """Return the id of an EJ that was named by it, or by its FINESS number, in capitals or not.

    Raises:
        typer.BadParameter: it is neither.
        ExportError: it could not be looked up.
        NotFoundError: no EJ has this FINESS number.
    """
    if _FINESS.fullmatch(text.upper()):
        found = next(client.entities(text), None)
        if found is None:
            # Nine digits may be an id after all, where the ids are given out by somebody else.
            found = next((each for each in client.entities() if str(each.ej_id) == text), None)
        if found is None:
            raise NotFoundError(
                f"no EJ has the FINESS number {text.upper()}; fhirexport entities lists those there are",
                code=grpc.StatusCode.NOT_FOUND,
                reason="EJ_NOT_FOUND",
            )
        return found.ej_id
    if _ID.fullmatch(text) and int(text) <= _LARGEST:
        return int(text)
    raise typer.BadParameter("must be an EJ's id or the nine characters of its FINESS number")


def complete_ej(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the ids and the FINESS numbers that begin so, each with its EJ's name."""
    return _completed(
        context,
        incomplete,
        lambda client: ((str(one.ej_id), one.finess, one.name) for one in client.entities()),
    )


def complete_finess(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the FINESS numbers that begin so."""
    return _completed(
        context, incomplete, lambda client: ((one.finess, one.name) for one in client.entities())
    )


def _completed(
    context: typer.Context, incomplete: str, listed: Callable[[Client], Iterator[tuple[str, ...]]]
) -> list[tuple[str, str]]:
    """Return what a shell is offered; nothing, in silence, where no server answers at once."""
    names = {option.name for option in OPTIONS}
    given: dict[str, object] = {}
    each: typer.Context | None = context
    while each is not None:
        given = {
            name: value for name, value in each.params.items() if name in names and value is not None
        } | given
        each = each.parent  # type: ignore[assignment]  # typer's contexts have parents of the same kind
    found: list[tuple[str, str]] = []
    try:
        connection = understood(given | {"timeout": _COMPLETION_SECONDS})
        with connection.opened() as client:
            for *numbers, name in listed(client):
                # As it is typed so far, capitals or not: anything else would be no completion of it.
                found += [
                    (incomplete + number[len(incomplete) :], name)
                    for number in numbers
                    if number.startswith(incomplete.upper())
                ]
                if len(found) >= _COMPLETED:
                    break
    except Exception:  # noqa: BLE001 - whatever it is, the line that is being typed is no place to say so
        return []
    return found
