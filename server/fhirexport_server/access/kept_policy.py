"""The policy in use: read again while the server runs, replaced by a good one, kept before a bad one."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn, Protocol

import structlog

from fhirexport_server.access.access_control import AccessControl
from fhirexport_server.access.policy import Policy
from fhirexport_server.access.policy_file import PolicyError, content, read
from fhirexport_server.domain.errors import FhirExportError
from fhirexport_server.runtime.reading.kept_content import KeptContent, LoadOutcome

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

CHECK_SECONDS: Final = 1.0
"""How often the file is read. Times of modification are not relied on."""
LOOK_UP_SECONDS: Final = 2.0
"""How often the ids of FINESS numbers are looked up; as long, at most, a new policy waits for them."""


class FinessLookup(Protocol):
    """The database as this module uses it."""

    async def ids_by_finess(self, finess: Collection[str]) -> Mapping[str, int]:
        """Return the ids of the EJs with these FINESS numbers, as far as there are any.

        Raises:
            FhirExportError: The database cannot answer.
        """


class KeptPolicy:
    """A policy in use, and the file that it comes from."""

    def __init__(self, path: Path, numbers: FinessLookup, noted: Callable[[LoadOutcome], None]) -> None:
        """Read the file.

        Args:
            path: The file.
            numbers: Where the EJs of FINESS numbers are looked up.
            noted: Is told how each new content of the file was taken.

        Raises:
            PolicyError: The policy cannot be used.
        """
        self.path = path
        self._numbers = numbers
        self._noted = noted
        self._kept = KeptContent(self._content(), self._read, PolicyError, is_settled_only=True)
        self.control = AccessControl(self._kept.current)
        """What decides."""
        self._ids: Mapping[str, int] = {}
        self.changed: Callable[[], None] = lambda: None
        """Is called after anything is decided otherwise than before."""

    @property
    def refusing(self) -> bool:
        """Whether the file holds something that cannot be used."""
        return self._kept.refusing

    def check(self) -> Policy | None:
        """Read the file; return the policy that is to be used from now on, None where it is the one in use.

        Only what is there at two checks counts: a file that is half written is neither used nor refused.
        """
        try:
            is_new = self._kept.offer(self._content())
        except PolicyError as error:
            self._noted("refused")
            _log.error("policy_refused", problem=error.problem, effect="the former policy stays in force")
            return None
        return self._kept.current if is_new else None

    async def use(self, policy: Policy) -> None:
        """Decide by a policy from now on."""
        await self._decide_by(policy)
        self._noted("loaded")
        _log.info("policy_loaded", callers=len(policy.callers))

    async def look_up(self) -> None:
        """Look up the EJs of the FINESS numbers anew."""
        await self._decide_by(self.control.policy)

    async def run(self) -> NoReturn:
        """Check for ever."""
        clock = asyncio.get_running_loop().time
        looked_up = clock()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            policy = await asyncio.to_thread(self.check)
            if policy is not None:
                await self.use(policy)
                looked_up = clock()
            elif clock() - looked_up >= LOOK_UP_SECONDS:
                await self.look_up()
                looked_up = clock()

    def _content(self) -> bytes | str:
        """Return what the file holds, or why it cannot be read."""
        try:
            return content(self.path)
        except PolicyError as error:
            return error.problem

    def _read(self, found: bytes | str) -> Policy:
        if isinstance(found, str):
            raise PolicyError(self.path, found)
        return read(found, self.path)

    async def _decide_by(self, policy: Policy) -> None:
        # A policy that takes rights away does not wait for a database that does not answer: what is known of
        # it goes on to count, and what is not known grants nothing.
        try:
            with suppress(FhirExportError, TimeoutError):
                async with asyncio.timeout(LOOK_UP_SECONDS):
                    self._ids = await self._numbers.ids_by_finess(policy.finess)
        except Exception as error:  # noqa: BLE001 - a bug of the look-up must not end the reading of policies
            _log.error("internal_error", error=type(error).__name__)
        # In a thread: the tables of the largest policy take a while to make.
        if await asyncio.to_thread(self.control.replace, policy, self._ids):
            self.changed()
