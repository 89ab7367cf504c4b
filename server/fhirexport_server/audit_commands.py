"""The commands `fhirexport-server audit verify | tail | export`. They read one directory, and no database."""

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fhirexport_server.audit.audit_events import audit_events
from fhirexport_server.audit.files import chains_in
from fhirexport_server.audit.lines import ChainLink
from fhirexport_server.audit.reading import events_of
from fhirexport_server.audit.verification import ChainVerdict
from fhirexport_server.audit.verification import verify as verdict_of

app = typer.Typer(
    no_args_is_help=True, help="Read an audit trail, and see whether anything is wrong with it."
)
_Directory = Annotated[
    Path, typer.Argument(help="The directory, as AUDIT_DIRECTORY names it.", show_default=False)
]
_Chain = Annotated[
    str | None, typer.Option("--chain", help="Only the chain of this name.", show_default="all of them")
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def verify(
    directory: _Directory,
    *,
    chain: _Chain = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", help="A line that was there at some time, as kept elsewhere."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", help="The last line of the files that were taken elsewhere."),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Name each line that was changed, removed, moved, added or cut off; end with 1 where there is one."""
    head_link, after_link = _link(head), _link(after)
    chains = _chains(directory, chain)
    if len(chains) > 1 and (head_link or after_link):
        raise _wrong(f"there are several chains: name one of {', '.join(chains)} with --chain")
    verdicts = []
    for name in chains:
        try:
            verdicts.append(verdict_of(directory, name, after_link, head_link))
        except OSError as error:
            raise _unreadable(directory, error) from None
    if as_json:
        typer.echo(json.dumps({"chains": [_shown(one) for one in verdicts]}, indent=2))
    else:
        typer.echo("\n".join(line for one in verdicts for line in _lines(one)))
    if any(one.problems for one in verdicts):
        raise typer.Exit(1)


@app.command()
def tail(
    directory: _Directory,
    *,
    chain: _Chain = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000, help="How many.")] = 20,
    as_json: _AsJson = False,
) -> None:
    """Print the last lines, for people: when, what happened, who, which method, of what, and how it ended."""
    last: deque[Mapping[str, Any]] = deque(maxlen=lines)
    # Those of several chains by their time: in each, it is the order of the lines.
    found = [deque(_events(directory, name), maxlen=lines) for name in _chains(directory, chain)]
    last.extend(sorted((event for events in found for event in events), key=lambda event: str(event["time"])))
    for event in last:
        typer.echo(json.dumps(event) if as_json else _line(event))


@app.command()
def export(directory: _Directory, *, chain: _Chain = None) -> None:
    """Print each call as a FHIR R4 AuditEvent, one per line (NDJSON)."""
    for name in _chains(directory, chain):
        for event in audit_events(_events(directory, name), name):
            typer.echo(json.dumps(event, separators=(",", ":"), ensure_ascii=False))


def _chains(directory: Path, chain: str | None) -> Sequence[str]:
    try:
        found = chains_in(directory)
    except OSError as error:
        raise _unreadable(directory, error) from None
    chosen = [name for name in found if chain in {None, name}]
    if not chosen:
        raise _wrong(f"{directory} has no {f'chain {chain}' if chain else 'audit trail'}")
    return chosen


def _events(directory: Path, chain: str) -> Iterator[Mapping[str, Any]]:
    try:
        yield from events_of(directory, chain)
    except OSError as error:
        raise _unreadable(directory, error) from None


def _lines(verdict: ChainVerdict) -> Iterator[str]:
    for problem in verdict.problems:
        yield f"{verdict.chain}: {problem}"
    for note in verdict.notes:
        yield f"{verdict.chain}: note: {note}"
    count = len(verdict.problems)
    judged = (
        "nothing is wrong" if not count else f"{count} {'thing is' if count == 1 else 'things are'} wrong"
    )
    yield f"{verdict.chain}: {verdict.lines} lines; {judged}; head {verdict.last}"


def _shown(verdict: ChainVerdict) -> dict[str, Any]:
    return {
        "chain": verdict.chain,
        "lines": verdict.lines,
        "head": str(verdict.last),
        "problems": verdict.problems,
        "notes": verdict.notes,
    }


def _line(event: Mapping[str, Any]) -> str:
    who = event.get("who") or {}
    ej = f"ej {event['ej']}" if "ej" in event else ""
    size = f"{event['resources']} resources" if "resources" in event else ""
    ended = " ".join(str(event[name]) for name in ("status", "reason") if event.get(name))
    parts = [
        event["time"],
        f"{event['event']:8}",
        event.get("method", ""),
        who.get("caller") or who.get("subject") or event.get("peer", ""),
        ej,
        event.get("dataset", ""),
        event.get("source", ""),
        size,
        ended,
        event.get("call", ""),
    ]
    return "  ".join(str(part) for part in parts if part)


def _link(text: str | None) -> ChainLink | None:
    if text is None:
        return None
    try:
        return ChainLink.read(text)
    except ValueError:
        raise _wrong(f"{text} is not NUMBER:HASH, as `audit verify` prints it after `head`") from None


def _unreadable(directory: Path, error: OSError) -> typer.Exit:
    return _wrong(f"{directory} cannot be read: {os.strerror(error.errno or 0)}")


def _wrong(text: str) -> typer.Exit:
    """Print what is wrong; return what ends the program with 2."""
    typer.echo(text, err=True)
    return typer.Exit(2)
