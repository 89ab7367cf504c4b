"""Servers of two releases side by side, each replaced by one of the other release when that is due."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from verification.rolling import former


class Mixed:
    """Servers, each of one release or another. Each keeps its address."""

    def __init__(
        self,
        trees: Mapping[str, Path],
        directory: Path,
        variables: Mapping[str, str],
        addresses: Sequence[str],
    ) -> None:
        """Start none yet.

        Args:
            trees: The sources of each release, by a letter.
            directory: Where each server gets a directory of its own.
            variables: The settings of all servers.
            addresses: Where each listens.
        """
        self._trees = trees
        self._directory = directory
        self._variables = variables
        self.addresses = addresses
        self._stacks = [AsyncExitStack() for _ in addresses]
        self.running = [""] * len(addresses)
        """The release of each server; empty where none runs."""
        self.logs: list[tuple[str, Path]] = []
        """The release and the log of every server that was started."""

    async def become(self, releases: str) -> None:
        """Replace those servers that are to be of another release, one after the other."""
        for number, release in enumerate(releases):
            if self.running[number] != release:
                await self.replace(number, release)

    async def replace(self, number: int, release: str, *, serving: bool = True) -> None:
        """Put a server in the place of another, and wait until it serves; else until it says otherwise."""
        await self._stacks[number].aclose()
        self.running[number] = ""
        directory = self._directory / f"server-{number}.{len(self.logs)}"
        variables = {**self._variables, "LISTEN_ADDRESS": self.addresses[number]}
        server = former.server(self._trees[release], directory, variables, serving=serving)
        self.logs.append((release, directory / "server.log"))
        await self._stacks[number].enter_async_context(server)
        self.running[number] = release

    async def close(self) -> None:
        """End all of them."""
        for stack in self._stacks:
            await stack.aclose()
