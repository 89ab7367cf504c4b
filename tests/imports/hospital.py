"""A hospital in a database, and what can be sent to it: resources, changed, in Bundles."""

import json
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from fhirexport_server.domain.errors import FhirExportError, ImportRefusedError
from fhirexport_server.domain.imports import ImportSummary
from fhirexport_server.exports.exporter import Exporter
from fhirexport_server.imports.importer import Importer
from support.importing import Exported, exported_of, send_bundle, send_lines

Resource = dict[str, Any]
EJ = 1


def put(resource: Resource, **more: object) -> Resource:
    """An entry that creates or updates."""
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}, **more}


def post(resource: Resource, **request: object) -> Resource:
    """An entry that creates."""
    body = {name: value for name, value in resource.items() if name != "id"}
    return {"resource": body, "request": {"method": "POST", "url": resource["resourceType"], **request}}


def delete(url: str) -> Resource:
    """An entry that deletes."""
    return {"request": {"method": "DELETE", "url": url}}


def bundle(type_: str, *entries: Resource) -> bytes:
    """A Bundle."""
    return json.dumps({"resourceType": "Bundle", "type": type_, "entry": list(entries)}).encode()


async def tried(
    run: Callable[..., Awaitable[ImportSummary]],
    importer: Importer,
    content: bytes,
    *,
    first: bool = True,
    **options: object,
) -> ImportSummary:
    """Imports what was only tried before, and shows that both come to the same."""
    if not first or options.get("validate_only") or options.get("request_id"):
        return await run(importer, content, **options)
    before = await _outcome(run, importer, content, **(options | {"validate_only": True}))
    after = await _outcome(run, importer, content, **options)
    if isinstance(after, ImportRefusedError):
        assert isinstance(before, ImportSummary)
        errors = tuple(one for one in before.problems if one.severity == "error")
        assert (errors, before.errors) == (after.problems, after.errors)
    elif isinstance(after, Exception):
        assert (type(before), str(before)) == (type(after), str(after))
    else:
        assert before == replace(after, revisions=(), committed_at=None)
    if isinstance(after, Exception):
        raise after
    return after


async def _outcome(
    run: Callable[..., Awaitable[ImportSummary]], importer: Importer, content: bytes, **options: object
) -> ImportSummary | FhirExportError:
    try:
        return await run(importer, content, **options)
    except FhirExportError as error:
        return error


@dataclass(repr=False)  # pytest asks for it, and it is long
class Hospital:
    """A database that holds an EJ, and what was imported to make it."""

    url: str
    resources: dict[str, Resource]
    importer: Importer
    exporter: Exporter
    """Both are of this database, and last as long as the test."""

    def first(self, type_: str, prefix: str = "") -> Resource:
        """A copy of the first resource of a type whose id begins with something."""
        found = (one for one in self.resources.values() if one["resourceType"] == type_)
        return deepcopy(next(one for one in found if one["id"].startswith(prefix)))

    def plain_patients(self) -> list[Resource]:
        """What a sender who knows nothing of INS says of the patients: the EJ's number is their only one."""
        name = {"use": "official", "family": "ESSAI", "given": ["ALEX"]}
        return [
            {
                "resourceType": "Patient",
                "id": one["id"],
                "identifier": [deepcopy(part) for part in one["identifier"] if part.get("use") == "usual"],
                "name": [name],
                "gender": "female",
                "birthDate": "1980-02-03",
            }
            for one in self.resources.values()
            if one["resourceType"] == "Patient"
        ]

    def like(self, resource: Resource, number: str, id_: str) -> Resource:
        """A copy of a resource that is another: another id, and another number where it has its own."""
        found = deepcopy(resource) | {"id": id_}
        for identifier in (*found["identifier"], *(one["identifier"] for one in found.get("account", ()))):
            identifier["value"] = number
        return found

    @property
    def tries(self) -> bool:
        """Whether everything that is sent is tried first: on one database, for that doubles the time."""
        return self.url.startswith("sqlite")

    async def send(self, type_: str, *entries: Resource, **options: object) -> ImportSummary:
        """Sends a Bundle, into the EJ."""
        return await tried(
            send_bundle, self.importer, bundle(type_, *entries), first=self.tries, **({"ej_id": EJ} | options)
        )

    async def stream(self, *resources: Resource, **options: object) -> ImportSummary:
        """Sends resources as NDJSON, into the EJ; what is as exports have it is so to the byte."""
        lines = (json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in resources)
        content = b"".join(line.encode() + b"\n" for line in lines)
        return await tried(send_lines, self.importer, content, first=self.tries, **({"ej_id": EJ} | options))

    async def refused(self, *entries: Resource, **options: object) -> list[tuple[int | None, str]]:
        """Sends a transaction that is refused; returns what for."""
        before = await self.exports()
        try:
            await self.send("transaction", *entries, **options)
        except ImportRefusedError as error:
            assert await self.exports() == before
            return [(problem.entry, problem.expression) for problem in error.problems]
        raise AssertionError("it was not refused")

    async def exports(self) -> Exported:
        """What there is to export now."""
        return await exported_of(self.exporter, EJ)

    async def now(self) -> dict[str, Resource]:
        """The resources that there are now, by id."""
        exports = await self.exports()
        return {one["id"]: one for one in map(json.loads, b"".join(exports).splitlines())}


def counts(summary: ImportSummary) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, deleted."""
    return summary.created, summary.updated, summary.unchanged, summary.deleted
