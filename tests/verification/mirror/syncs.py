"""Mirrors that are brought up to date while everything breaks: each ends as it must, or is wrong.

After each update the copy is, byte for byte, the full export of the state whose etag it has, and the changes
that it offered are the difference of the two full exports. After one that fails, with an error of the
library's, the copy is what it was.
"""

import asyncio
import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from random import Random

from fhirexport import AsyncClient, AsyncMirror, Change, Client, ExportError, IncompleteError, MirrorUpdate
from support.command import FHIREXPORT, environment
from support.exporting import exporting
from support.forked import fork
from support.mirroring import Resource
from support.valkey import Valkey
from verification.metamorphic.writer import writing
from verification.mirror.breaking import Proxy, breaking
from verification.mirror.history import SUBJECTS, History, Subject, by_name
from verification.mirror.tally import Tally
from verification.mirror.writing import EJ, Scribe

WORKERS = 8
PATIENCE = 120.0
WRITTEN = 6
"""After how many syncs something is written, at most."""
DAMAGED, INTERRUPTED, KILLED = 0.03, 0.08, 0.02
"""How often a copy is damaged before a sync, its changes are not handled, and the program is killed."""


async def synced(
    url: str, valkey: Valkey, directory: Path, syncs: int, random: Random, *, latest: float = inf
) -> Tally:
    """Bring mirrors up to date while everything breaks.

    Args:
        url: A database that holds the demo group.
        valkey: The servers' Redis.
        directory: Where mirrors and logs lie.
        syncs: How many times a mirror is brought up to date.
        random: What there is to chance.
        latest: When to end all the same, by the monotonic clock.
    """
    tally = Tally()
    async with exporting(url) as full, breaking(directory, url, valkey, random) as (proxy, breaker):
        history = History(full)
        await history.record()
        keepers = [
            Keeper(
                SUBJECTS[number % len(SUBJECTS)],
                directory / f"mirror-{number}",
                proxy,
                history,
                tally,
                random,
            )
            for number in range(WORKERS)
        ]
        background = [
            asyncio.create_task(breaker.run(tally)),
            asyncio.create_task(_write(url, history, tally, random)),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for keeper in keepers:
                    group.create_task(keeper.run(syncs, latest, background))
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
        tally.kills, tally.flushes, tally.cuts = breaker.kills, breaker.flushes, proxy.cuts
        tally.states = history.states
    return tally


async def _write(url: str, history: History, tally: Tally, random: Random) -> None:
    with writing(url) as writer:
        scribe = Scribe(writer, random)
        while True:
            await tally.further(random.randint(0, WRITTEN))
            scribe.write()
            await history.record()


class _NotHandledError(Exception):
    """Whoever takes the changes fails."""


@dataclass
class Keeper:
    """Keeps one mirror, and looks at it after each update."""

    _subject: Subject
    _folder: Path
    _proxy: Proxy
    _history: History
    _tally: Tally
    _random: Random
    _etag: str | None = None
    """Of the state that the copy shows; None where there is none."""

    async def run(self, syncs: int, latest: float, others: list[asyncio.Task[None]]) -> None:
        """Bring it up to date again and again, until all keepers have done so many, or it is late."""
        while self._tally.syncs < syncs and time.monotonic() < latest:
            for other in others:
                if other.done():
                    other.result()
            self._tally.syncs += 1
            await asyncio.sleep(self._random.uniform(0.0, 0.2))
            if self._etag is not None and self._random.random() < DAMAGED:
                await self._after_damage()
            elif self._random.random() < KILLED:
                await self._killed()
            elif self._random.random() < INTERRUPTED:
                await self._not_handled()
            else:
                await self._sync()

    async def _sync(self) -> None:
        """Bring it up to date, in one of three ways."""
        before = self._etag
        way = self._random.choice((self._update, self._take, self._take_in_a_thread))
        try:
            update, whole, changes = await way()
        except (ExportError, OSError) as error:
            self._tally.failed[type(error).__name__] += 1
            await self._is_as_it_was(before)
            return
        self._note(update)
        content = await self._content()
        await self._compare_copy(content)
        if changes is not None:
            await self._compare_changes(before, changes, whole=whole)

    def _note(self, update: MirrorUpdate) -> None:
        self._etag = update.snapshot.etag
        self._tally.whole += 1
        self._tally.changed += update.changed
        self._tally.received += update.received_segments
        self._tally.listed += update.segments
        if update.mended is not None:
            self._tally.mended[update.mended] += 1

    async def _after_damage(self) -> None:
        """Damage the copy; whatever it takes, it is whole in the end."""
        self._damage()
        for _ in range(40):
            try:
                async with AsyncClient(self._proxy.address) as client:
                    mirror = self._mirror(client)
                    with suppress(FileNotFoundError):
                        await mirror.verify()
                    self._note(await mirror.update())
                break
            except (ExportError, OSError) as error:
                self._tally.failed[type(error).__name__] += 1
        else:
            self._wrong("is not mended")
            return
        await self._compare_copy(await self._content())

    def _damage(self) -> None:
        segments = sorted((self._folder / "segments").iterdir())
        segment = self._random.choice(segments)
        manifest = self._folder / "manifest.json"
        match self._random.randrange(5):
            case 0:
                segment.unlink()
            case 1:
                segment.write_bytes(segment.read_bytes()[: self._random.randrange(60)])
            case 2:
                content = bytearray(segment.read_bytes())
                content[self._random.randrange(len(content))] ^= 1 << self._random.randrange(8)
                segment.write_bytes(content)
            case 3:
                manifest.write_bytes(manifest.read_bytes()[: self._random.randrange(2_000)])
            case 4:
                shutil.rmtree(self._folder / "segments")

    async def _not_handled(self) -> None:
        """Take some changes, and fail: the copy must not have moved."""
        before, left = self._etag, self._random.randrange(20)
        try:
            async with AsyncClient(self._proxy.address) as client, self._mirror(client).changes() as changes:
                async for _ in changes:
                    left -= 1
                    if left <= 0:
                        break
                raise _NotHandledError  # noqa: TRY301 - as somebody does who cannot go on
        except _NotHandledError:
            self._tally.interrupted += 1
        except (ExportError, OSError) as error:
            self._tally.failed[type(error).__name__] += 1
        await self._is_as_it_was(before)

    async def _killed(self) -> None:
        """Kill the program while it brings the copy up to date: it is one of the states that there were."""
        arguments: list[str | Path] = [FHIREXPORT, "sync", str(EJ), self._subject.dataset, self._folder]
        if self._subject.movements:
            arguments.append("--movements")
        null = os.open(os.devnull, os.O_RDWR)
        try:
            program = await fork(arguments, self._folder.parent, environment(self._proxy.address), [null] * 3)
            await asyncio.sleep(self._random.uniform(0.0, 2.0))
            program.kill()
            await program.wait()
        finally:
            os.close(null)
        self._tally.killed += 1
        with suppress(FileNotFoundError), Client(self._proxy.address) as client:
            self._etag = client.mirror(EJ, self._subject.dataset, self._folder).snapshot().etag
            await self._compare_copy(await self._content())

    async def _update(self) -> tuple[MirrorUpdate, bool, list[Change] | None]:
        async with AsyncClient(self._proxy.address) as client:
            return await self._mirror(client).update(), False, None

    async def _take(self) -> tuple[MirrorUpdate, bool, list[Change] | None]:
        async with AsyncClient(self._proxy.address) as client, self._mirror(client).changes() as changes:
            return changes.update, changes.whole, [change async for change in changes]

    async def _take_in_a_thread(self) -> tuple[MirrorUpdate, bool, list[Change] | None]:
        return await asyncio.to_thread(self._take_and_wait)

    def _take_and_wait(self) -> tuple[MirrorUpdate, bool, list[Change] | None]:
        dataset, movements = self._subject
        with Client(self._proxy.address) as client:
            mirror = client.mirror(EJ, dataset, self._folder, movements=movements)
            with mirror.changes() as changes:
                return changes.update, changes.whole, list(changes)

    def _mirror(self, client: AsyncClient) -> AsyncMirror:
        dataset, movements = self._subject
        return client.mirror(EJ, dataset, self._folder, movements=movements)

    async def _content(self) -> bytes | None:
        """Return the copy; None where there is none."""
        async with AsyncClient(self._proxy.address) as client:
            try:
                return await self._mirror(client).read()
            except FileNotFoundError:
                return None
            except IncompleteError:
                return b"damaged"

    async def _is_as_it_was(self, before: str | None) -> None:
        content = await self._content()
        expected = None if before is None else await self._history.text(self._subject, before, PATIENCE)
        self._tally.compared += 1
        if content != expected:
            self._wrong("an update that failed has changed the copy")

    async def _compare_copy(self, content: bytes | None) -> None:
        if self._etag is None:
            raise RuntimeError("a copy has an etag")
        expected = await self._history.text(self._subject, self._etag, PATIENCE)
        self._tally.compared += 1
        if expected is None:
            self._wrong("a copy is of a state that there never was")
        elif content != expected:
            self._wrong("a copy is not the export of its revision")

    async def _compare_changes(self, before: str | None, changes: list[Change], *, whole: bool) -> None:
        if self._etag is None:
            raise RuntimeError("a copy has an etag")
        new = by_name(await self._resources(self._etag))
        old = {} if before is None or whole else by_name(await self._resources(before))
        self._tally.changes += len(changes)
        if whole and before is not None:
            self._wrong("a copy that nobody damaged has nothing to compare with")
        upserts = {name: resource for name, resource in new.items() if old.get(name) != resource}
        offered = {(change.type, change.id): change.resource for change in changes}
        if len(offered) != len(changes):
            self._wrong("a resource is offered twice")
        if offered != upserts | dict.fromkeys(old.keys() - new.keys()):
            self._wrong("the changes are not the difference of two full exports")
        order = [name for name, resource in offered.items() if resource is not None]
        if order != [name for name in new if name in upserts]:
            self._wrong("upserts are not in the order of the export")

    async def _resources(self, etag: str) -> list[Resource]:
        text = await self._history.text(self._subject, etag, PATIENCE)
        return [json.loads(line) for line in (text or b"").splitlines()]

    def _wrong(self, what: str) -> None:
        self._tally.wrong.append(f"{self._subject}: {what} (sync {self._tally.syncs}, etag {self._etag})")
