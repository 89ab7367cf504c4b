"""Mirrors of either client, as tests use them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fhirexport import AsyncClient, AsyncMirror, Change, Client, Mirror, MirrorUpdate
from fhirexport.cache_models import Dataset

T = TypeVar("T")
Resource = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """What an update has offered."""

    changes: list[Change]
    whole: bool
    update: MirrorUpdate


@dataclass(frozen=True)
class Mirrored:
    """A mirror of one of the two kinds."""

    address: str
    path: Path
    is_async: bool
    ej: int = 1
    dataset: Dataset = "patients"
    movements: bool = False

    async def update(self) -> MirrorUpdate:
        """Brings it up to date."""
        if self.is_async:
            async with AsyncClient(self.address) as client:
                return await self._mirror_of(client).update()
        return await self._in_thread(lambda mirror: mirror.update())

    async def take(self, handle: Callable[[list[Change]], Awaitable[None]] | None = None) -> Taken:
        """Brings it up to date and takes all changes; hands them to somebody before the block ends."""
        if self.is_async:
            async with AsyncClient(self.address) as client, self._mirror_of(client).changes() as changes:
                taken = Taken([change async for change in changes], changes.whole, changes.update)
                if handle is not None:
                    await handle(taken.changes)
                return taken

        def take(mirror: Mirror) -> Taken:
            with mirror.changes() as changes:
                taken = Taken(list(changes), changes.whole, changes.update)
                if handle is not None:
                    asyncio.run(handle(taken.changes))  # type: ignore[arg-type]  # it is a coroutine
                return taken

        return await self._in_thread(take)

    async def read(self) -> bytes:
        """Reads the copy."""
        if self.is_async:
            async with AsyncClient(self.address) as client:
                return await self._mirror_of(client).read()
        return await self._in_thread(lambda mirror: mirror.read())

    async def verify(self) -> bool:
        """Looks at all of the copy."""
        if self.is_async:
            async with AsyncClient(self.address) as client:
                return await self._mirror_of(client).verify()
        return await self._in_thread(lambda mirror: mirror.verify())

    async def export(self) -> bytes:
        """Reads the whole export from the server."""
        async with AsyncClient(self.address) as client:
            options = {"movements": True} if self.movements else {}
            return bytes(await getattr(client, self.dataset)(self.ej, **options).read("ndjson"))

    def _mirror_of(self, client: AsyncClient) -> AsyncMirror:
        return client.mirror(self.ej, self.dataset, self.path, movements=self.movements)

    async def _in_thread(self, use: Callable[[Mirror], T]) -> T:
        def run() -> T:
            with Client(self.address) as client:
                return use(client.mirror(self.ej, self.dataset, self.path, movements=self.movements))

        return await asyncio.to_thread(run)


def patients(*numbers: int, **fields: object) -> list[Resource]:
    """Returns patients with these numbers."""
    return [{"resourceType": "Patient", "id": f"pat-{number}", **fields} for number in numbers]


NINE = patients(*range(1, 10))


def segment_file(path: Path, number: int = 0) -> Path:
    """Returns the file of a segment of a mirror, by its place in the export."""
    manifest = json.loads((path / "manifest.json").read_text())
    return path / "segments" / f"{manifest['segments'][number][0]}.ndjson.zst"


def told(changes: Sequence[Change]) -> list[str]:
    """Returns changes as text: `+` is an upsert, `-` a tombstone."""
    return [f"{'-' if change.is_gone else '+'}{change.id}" for change in changes]


def difference(old: Sequence[Resource], new: Sequence[Resource]) -> list[tuple[str, str, Resource | None]]:
    """Returns what two full exports differ in, where none of those in both has changed its place.

    What is gone comes right after the last resource before it that is still there.
    """
    before = {_name(resource): resource for resource in old}
    after = {_name(resource) for resource in new}
    gone: dict[tuple[str, str] | None, list[tuple[str, str]]] = {}
    anchor = None
    for name in before:
        if name in after:
            anchor = name
        else:
            gone.setdefault(anchor, []).append(name)
    changes: list[tuple[str, str, Resource | None]] = [(*name, None) for name in gone.get(None, [])]
    for resource in new:
        name = _name(resource)
        if before.get(name) != resource:
            changes.append((*name, resource))
        if name in before:
            changes += [(*other, None) for other in gone.get(name, [])]
    return changes


def _name(resource: Resource) -> tuple[str, str]:
    return str(resource["resourceType"]), str(resource["id"])
