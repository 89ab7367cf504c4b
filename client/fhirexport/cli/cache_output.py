"""Owns what `fhirexport cache` shows to people: tables, sentences, a progress bar.

Keys hold `:v:`, which rich would read as an emoji: everything here is `Text`, which is shown as it is.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Column, Table
from rich.text import Text

from fhirexport.cache_models import CacheEntry, CacheHealth, CacheStats, Invalidation, Warmed
from fhirexport.cli.output import said
from fhirexport.errors import ExportError


def stats(found: CacheStats) -> RenderableType:
    """Returns the figures, as they are shown."""
    asked = f"{found.keyspace_hits:,} hits, {found.keyspace_misses:,} misses since this server started"
    redis = "does not answer: exports are read from the database"
    if found.total_connections is not None and found.total_commands is not None:
        served = f"{found.total_connections:,} connections, {found.total_commands:,} commands"
        redis = f"{found.used_memory} in use; {served} of all applications"
    lines = [("cache", "on"), ("hit rate", f"{found.hit_rate:.1f} %: {asked}"), ("Redis", redis)]
    if not found.enabled:
        lines = [("cache", "off: CACHE_ENABLED is false")]
    table = Table("dataset", *(_right(name) for name in ("hits", "misses", "stale avoided", "entries")))
    for one in found.datasets:
        figures = (one.hits, one.misses, one.stale_avoided, one.entry_count)
        table.add_row(one.dataset or "?", *("?" if figure is None else f"{figure:,}" for figure in figures))
    return Group(_lines(lines), table)


def gone(error: ExportError) -> RenderableType:
    """Returns what is shown in place of figures that cannot be had."""
    return Text(f"{error.message} ({error.code.name}): trying again", style="yellow")


def health(found: CacheHealth) -> RenderableType:
    """Returns the state, as it is shown."""
    lines = [("state", found.state), ("server", found.server)]
    if found.latency is not None:
        lines.append(("latency", f"{found.latency.total_seconds() * 1000:.1f} ms"))
    lines += [("message", found.message), *(("warning", warning) for warning in found.warnings)]
    return _lines([(name, value) for name, value in lines if value])


def entries(found: Sequence[CacheEntry]) -> RenderableType:
    """Returns a table of entries."""
    table = Table("key", *(_right(name) for name in ("size", "expires in", "age", "hits")))
    for entry in found:
        table.add_row(
            Text(entry.key, overflow="fold"),
            decimal(entry.size_bytes),
            _seconds(entry.ttl),
            _seconds(entry.age),
            f"{entry.hits:,}",
        )
    return table


def invalidated(done: Invalidation, *, dry_run: bool) -> RenderableType:
    """Returns what an invalidation came to."""
    if done.matched_count is None:
        return Text("what it names counts no more; Redis does not answer, so it is deleted later")
    lines = [f"{done.matched_count:,} match; {_deleted(done)}"]
    if dry_run:
        lines = [f"{done.matched_count:,} match" + (", and would be deleted:" if done.matched_count else "")]
        lines += [f"  {key}" for key in done.sample_keys]
        if done.matched_count > len(done.sample_keys):
            lines.append(f"  and {done.matched_count - len(done.sample_keys):,} more")
    return Text("\n".join(lines))


def flushed(done: Invalidation) -> RenderableType:
    """Returns what a flush came to."""
    return Text(f"no cached export counts any more; {_deleted(done)}")


def warmed(done: Warmed) -> str:
    """Returns a line on one export that was to be warmed."""
    what = f"{done.entry.dataset or '?'} of EJ {done.entry.ej_id}"
    if done.error is not None:
        return f"{what}: failed: {said(done.error)}"
    if done.elapsed is None:
        return f"{what}: was there"
    return f"{what}: made in {done.elapsed.total_seconds():.2f} s"


@contextmanager
def progress() -> Iterator[Callable[[Warmed], None]]:
    """Shows how far warming has come, on a terminal only; yields what is to be told."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Lines for a pipe must not end up above the bar.
    above = sys.stdout.isatty()
    with Bar(
        *columns, console=console, transient=True, disable=not console.is_terminal, redirect_stdout=above
    ) as bar:
        task = bar.add_task("exports", total=None)

        def advance(done: Warmed) -> None:
            bar.update(task, completed=done.done_count, total=done.total_count)

        yield advance


def _deleted(done: Invalidation) -> str:
    pending = "; Redis does not answer, so the rest is deleted later" if done.deletion_pending else ""
    return f"{done.deleted_count:,} deleted{pending}"


def _lines(pairs: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, value in pairs:
        grid.add_row(Text(name, style="bold"), Text(value))
    return grid


def _right(name: str) -> Column:
    return Column(name, justify="right")


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():,.0f} s"
