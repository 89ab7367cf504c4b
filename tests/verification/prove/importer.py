"""A process that writes by importing: it changes its rows through the servers, as FHIR.

A server may be killed in the middle. The call is then made again, under the same request id, until it is
answered: so each import is written once, and the history says when that was certain.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import grpc
from fhirexport import Client, ExportError
from verification.prove.bells import ringer
from verification.prove.hands import hand
from verification.prove.history import ANCHOR, Recorder, Stamp, Write
from verification.prove.plan import Plan, wait_for_start
from verification.prove.registers import Rows
from verification.prove.stamps import EJ_IDS, chosen, mark

ONLY_TRIED = 0.12
"""How many of the imports are with `validate_only`."""
PATIENCE = 45.0
"""How long an import may take with all its repetitions, in seconds."""
_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED)
_WAYS = {
    "structure": ((ANCHOR, "place", "annex"), ("annex",)),
    "patients": ((ANCHOR, "other", "contact"), ()),
    "venues": ((ANCHOR, "other", "doctor", "brief"), ("brief",)),
}
"""By dataset: the registers that are changed, and of those the ones that come and go. A patient's number
stays: another number under the same id is another patient."""

Resources = Mapping[str, str]
"""JSON by URL, such as `Patient/patient-1`."""


class Import(NamedTuple):
    """One transaction."""

    export: str
    stamps: dict[str, int]
    """What its registers hold then."""
    changes: dict[str, bool]
    entries: Sequence[dict[str, Any]]
    after: dict[str, str]
    """The resources that it changes, as they are then."""


class Imports:
    """One importer's resources, of which it knows what they hold."""

    def __init__(self, writer: int, random: Random, resources: Mapping[str, Resources]) -> None:
        self._writer = writer
        self._random = random
        self._now = {url: text for of_export in resources.values() for url, text in of_export.items()}
        self._urls = {
            (export, name): [url for url, text in of_export.items() if self._mark(export, name, 1) in text]
            for export, of_export in resources.items()
            for name in _WAYS[_dataset(export)][0]
        }
        self._at = dict.fromkeys(self._urls, 1)
        """The transaction that each register's text is of, whether its resource is there or not."""
        self._gone: set[tuple[str, str]] = set()

    def next(self, export: str, seq: int) -> Import:
        """Draws an import, which stamps the export's anchor and perhaps other registers."""
        names, volatile = _WAYS[_dataset(export)]
        stamps: dict[str, int] = {}
        changes: dict[str, bool] = {}
        texts: dict[str, str] = {}
        deleted: list[str] = []
        for name in names:
            if name != ANCHOR and self._random.random() < 0.5:
                continue
            urls = self._urls[export, name]
            is_there = (export, name) not in self._gone
            if name in volatile and is_there and self._random.random() < 0.5:
                deleted += urls
                changes[name] = False
                continue
            old, new = self._mark(export, name, self._at[export, name]), self._mark(export, name, seq)
            for url in urls:
                texts[url] = texts.get(url, self._now[url]).replace(old, new)
            stamps[name] = seq
            changes[name] = True
        entries = [_put(url, text) for url, text in texts.items()]
        entries += [{"request": {"method": "DELETE", "url": url}} for url in deleted]
        self._random.shuffle(entries)
        return Import(export, stamps, changes, entries, texts)

    def written(self, done: Import) -> None:
        """Takes note of what is there after an import."""
        self._now |= done.after
        for name, is_there in done.changes.items():
            register = done.export, name
            self._at[register] = done.stamps.get(name, self._at[register])
            (self._gone.discard if is_there else self._gone.add)(register)

    def _mark(self, export: str, name: str, seq: int) -> str:
        return mark(Stamp(self._writer, export, name, seq))


class Caller:
    """Imports through whichever server there is."""

    def __init__(self, clients: Sequence[Client], random: Random) -> None:
        self._clients = cycle(clients)
        self._random = random

    def transact(self, what: Import, *, commit: bool) -> tuple[float, float]:
        """Imports, however often it takes; returns when that began, and when it was certain."""
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": what.entries}
        content = json.dumps(bundle, ensure_ascii=False)
        request_id = str(UUID(int=self._random.getrandbits(128), version=4))
        sent = monotonic()
        while True:
            try:
                next(self._clients).imports.bundle(
                    content, ej_id=int(what.export[0]), request_id=request_id, validate_only=not commit
                )
            except ExportError as error:
                if error.code not in _AGAIN or monotonic() > sent + PATIENCE:
                    raise
                time.sleep(0.1)
            else:
                return sent, monotonic()


def _put(url: str, text: str) -> dict[str, Any]:
    return {"resource": json.loads(text), "request": {"method": "PUT", "url": url}}


def _dataset(export: str) -> str:
    return export.partition("/")[2]


def _resources(client: Client, writer: int) -> dict[str, Resources]:
    """Returns the resources with this writer's stamps, by export."""
    found: dict[str, Resources] = {}
    for ej_id in EJ_IDS:
        for dataset in _WAYS:
            options: dict[str, Any] = {"movements": True} if dataset == "venues" else {}
            content: bytes = getattr(client, dataset)(ej_id, **options).read("ndjson")
            lines = [line for line in content.decode().splitlines() if f"~{writer}." in line]
            found[f"{ej_id}/{dataset}"] = {_url(line): line for line in lines}
    return found


def _url(line: str) -> str:
    resource = json.loads(line)
    return f"{resource['resourceType']}/{resource['id']}"


@contextmanager
def open_clients(plan: Plan) -> Iterator[list[Client]]:
    with ExitStack() as stack:
        targets = (f"unix:{plan.socket(server)}" for server in range(plan.servers))
        yield [stack.enter_context(Client(target)) for target in targets]


def main() -> None:
    """Imports until the time is over."""
    plan = Plan.given()
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder(plan.history("writer")))
        bell = stack.enter_context(ringer(Path(plan.directory), plan.readers, plan.random("bell")))
        clients = stack.enter_context(open_clients(plan))
        first = Rows(plan.number, plan.random("writer")).first(1)
        with hand(plan.number, plan.database_url) as its_hand:
            sent, done = its_hand.transact(first.statements, commit=True)
        recorder.add(Write(plan.number, 1, sent, done, True, first.changes))
        random = plan.random("importer")
        imports = Imports(plan.number, random, _resources(clients[0], plan.number))
        caller = Caller(clients, random)
        until, seq = wait_for_start(), 1
        while monotonic() < until:
            seq += 1
            (export,) = chosen(random)
            drawn, commit = imports.next(export, seq), random.random() >= ONLY_TRIED
            sent, done = caller.transact(drawn, commit=commit)
            if commit:
                imports.written(drawn)
            recorder.add(Write(plan.number, seq, sent, done, commit, {export: drawn.changes}))
            if commit:
                bell.ring([export])
            time.sleep(random.uniform(0.0, 0.4))


if __name__ == "__main__":
    main()
