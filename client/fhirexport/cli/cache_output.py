"""What `fhirexport cache` shows to people: tables, sentences, a progress bar.

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
from fhirexport.cli.output import message_of
from fhirexport.errors import ExportError


def stats(figures: CacheStats) -> RenderableType:
    """Return the figures of the cache."""
    redis = "does not answer: exports are read from the database"
    if figures.total_connections is not None and figures.total_commands is not None:
        served = f"{figures.total_connections:,} connections, {figures.total_commands:,} commands"
        redis = f"{figures.used_memory} in use; {served} of all applications"
    lines = [("cache", "on")]
    if figures.keyspace_hits is None or figures.keyspace_misses is None or figures.hit_rate is None:
        lines.append(("shown", "what is of the legal entities that you have a right to"))
    else:
        asked = (
            f"{figures.keyspace_hits:,} hits, {figures.keyspace_misses:,} misses since this server started"
        )
        lines += [("hit rate", f"{figures.hit_rate:.1f} %: {asked}"), ("Redis", redis)]
    if not figures.enabled:
        lines = [("cache", "off: CACHE_ENABLED is false")]
    table = Table("dataset", *(_right(name) for name in ("hits", "misses", "stale avoided", "entries")))
    for dataset in figures.datasets:
        counts = (dataset.hits, dataset.misses, dataset.stale_avoided, dataset.entry_count)
        table.add_row(dataset.dataset or "?", *("?" if count is None else f"{count:,}" for count in counts))
    return Group(_lines(lines), table)


def unavailable(error: ExportError) -> RenderableType:
    """Return a line in place of figures that cannot be had."""
    return Text(f"{error.message} ({error.code.name}): trying again", style="yellow")


def health(state: CacheHealth) -> RenderableType:
    """Return the state of Redis."""
    lines = [("state", state.state), ("server", state.server)]
    if state.latency is not None:
        lines.append(("latency", f"{state.latency.total_seconds() * 1000:.1f} ms"))
    lines += [("message", state.message), *(("warning", warning) for warning in state.warnings)]
    return _lines([(name, value) for name, value in lines if value])


def entries(cached: Sequence[CacheEntry]) -> RenderableType:
    """Return a table of entries."""
    table = Table("key", *(_right(name) for name in ("size", "expires in", "age", "hits")))
    for entry in cached:
        table.add_row(
            Text(entry.key, overflow="fold"),
            decimal(entry.size_bytes),
            _seconds(entry.ttl),
            _seconds(entry.age),
            f"{entry.hits:,}",
        )
    return table


def invalidated(result: Invalidation, *, dry_run: bool) -> RenderableType:
    """Return the result of an invalidation."""
    if result.matched_count is None:
        return Text("what matches is invalidated; Redis does not answer, so it is deleted later")
    lines = [f"{result.matched_count:,} match; {_deleted(result)}"]
    if dry_run:
        lines = [
            f"{result.matched_count:,} match" + (", and would be deleted:" if result.matched_count else "")
        ]
        lines += [f"  {key}" for key in result.sample_keys]
        if result.matched_count > len(result.sample_keys):
            lines.append(f"  and {result.matched_count - len(result.sample_keys):,} more")
    return Text("\n".join(lines))


def flushed(result: Invalidation) -> RenderableType:
    """Return the result of a flush."""
    return Text(f"every cached export is invalidated; {_deleted(result)}")


def warmed(result: Warmed) -> str:
    """Return a line on one export that was to be warmed."""
    what = f"{result.entry.dataset or '?'} of EJ {result.entry.ej_id}"
    if result.error is not None:
        return f"{what}: failed: {message_of(result.error)}"
    if result.elapsed is None:
        return f"{what}: was cached"
    return f"{what}: rendered in {result.elapsed.total_seconds():.2f} s"


@contextmanager
def progress() -> Iterator[Callable[[Warmed], None]]:
    """Show how far warming has come, on a terminal only; yield what to call with each result."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Lines for a pipe must not end up above the bar.
    above = sys.stdout.isatty()
    with Bar(
        *columns, console=console, transient=True, disable=not console.is_terminal, redirect_stdout=above
    ) as bar:
        task = bar.add_task("exports", total=None)

        def advance(result: Warmed) -> None:
            bar.update(task, completed=result.done_count, total=result.total_count)

        yield advance


def _deleted(result: Invalidation) -> str:
    pending = "; Redis does not answer, so the rest is deleted later" if result.deletion_pending else ""
    return f"{result.deleted_count:,} deleted{pending}"


def _lines(pairs: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, value in pairs:
        grid.add_row(Text(name, style="bold"), Text(value))
    return grid


def _right(name: str) -> Column:
    return Column(name, justify="right")


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():,.0f} s"
