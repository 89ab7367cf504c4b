"""The keys of an issuer from its HTTPS address: kept, fetched again in the background, and not for ever."""

import asyncio
import re
import ssl
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO, Final, NoReturn
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import structlog

from fhirexport_server.identities.key_set import LARGEST_DOCUMENT, KeySet, KeySetError, read_key_set
from fhirexport_server.runtime.reading.kept_content import LoadOutcome
from fhirexport_server.runtime.reading.shared_reading import SharedReading

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

URL: Final = re.compile(r"https://[A-Za-z0-9.\-]+(:\d{1,5})?(/[\w.~!$&'()*+,;=:@%/?-]*)?", re.ASCII)
"""What an address looks like: without a user, a password or a fragment."""
FRESH_SECONDS: Final = 300.0
"""How long keys are kept before they are fetched again, unless the response says less (Cache-Control)."""
SHORTEST_SECONDS: Final = 10.0
"""How far apart fetches are at least: also those for keys that nobody knows, and those after a failure."""
STALE_SECONDS: Final = 6 * 3600.0
"""How long keys count when no others can be fetched."""
_SOCKET_SECONDS: Final = 3.0
_TOTAL_SECONDS: Final = 5.0
_CHUNK: Final = 64 * 1024
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])", re.IGNORECASE)


class FetchError(Exception):
    """There was no answer, or another one than it should be. The message quotes nothing of it."""


class FetchedKeys:
    """The keys at one address. Make it inside the event loop."""

    def __init__(
        self,
        url: str,
        noted: Callable[[LoadOutcome], None],
        *,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it; nothing is fetched yet.

        Args:
            url: The address, as URL says.
            noted: Is told how each fetch ended.
            context: What to trust; what the system trusts if left out.
            clock: Returns the time, in seconds.
        """
        if not URL.fullmatch(url):
            raise ValueError("not an https URL")
        self._url = url
        self._noted = noted
        self._context = context or ssl.create_default_context()
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched = float("-inf")
        self._fresh = SHORTEST_SECONDS
        self._failed = False
        self._is_fetching = False
        self._reading = SharedReading(self._read, SHORTEST_SECONDS)

    @property
    def current(self) -> KeySet | None:
        """The keys; None where none were fetched for too long."""
        return self._keys if self._clock() - self._fetched <= STALE_SECONDS else None

    @property
    def refusing(self) -> bool:
        """Whether the last fetch failed."""
        return self._failed

    async def refreshed(self) -> None:
        """Fetch the keys now, unless they were a moment ago."""
        await self._reading.ask()

    async def run(self) -> NoReturn:
        """Fetch for ever."""
        while True:
            await self._reading.read()
            await asyncio.sleep(SHORTEST_SECONDS if self._failed else self._fresh)

    async def _read(self) -> None:
        try:
            content, fresh = await self._answer()
            keys = read_key_set(content)
        except (FetchError, KeySetError) as error:
            self._noted("refused")
            if not self._failed:
                _log.error("identities_refused", setting="JWT_JWKS", problem=str(error))
            self._failed = True
            return
        if self._failed or keys.keys.keys() != (self._keys.keys.keys() if self._keys else None):
            _log.info("identities_loaded", setting="JWT_JWKS", keys=len(keys.keys))
        self._keys, self._fetched, self._fresh, self._failed = keys, self._clock(), fresh, False
        self._noted("loaded")

    async def _answer(self) -> tuple[bytes, float]:
        """Fetch in a thread of its own, which nobody waits for at the end, and of which there is one at most.

        A socket's timeout is one for each piece, so that whoever sends byte by byte could hold it for long.
        """
        if self._is_fetching:
            raise FetchError("has not answered in time")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[bytes, float]] = loop.create_future()

        def settle(content: tuple[bytes, float] | FetchError) -> None:
            self._is_fetching = False
            if answer.done():
                return
            if isinstance(content, FetchError):
                answer.set_exception(content)
            else:
                answer.set_result(content)

        def work() -> None:
            content: tuple[bytes, float] | FetchError
            try:
                content = fetch(self._url, self._context)
            except FetchError as error:
                content = error
            try:
                loop.call_soon_threadsafe(settle, content)
            except RuntimeError:
                return  # the loop is closed: the server has ended

        threading.Thread(target=work, name="jwks", daemon=True).start()
        self._is_fetching = True
        try:
            async with asyncio.timeout(_TOTAL_SECONDS):
                return await answer
        except TimeoutError:
            raise FetchError("has not answered in time") from None


def fetch(url: str, context: ssl.SSLContext) -> tuple[bytes, float]:
    """Return what is at an https address, and for how many seconds it is fresh. Redirections are refused.

    Raises:
        FetchError: It cannot be fetched.
    """
    opener = build_opener(HTTPSHandler(context=context), _NoRedirection)
    request = Request(url, headers={"Accept": "application/json", "User-Agent": "fhirexport-server"})  # noqa: S310 - https, by URL
    end = time.monotonic() + _TOTAL_SECONDS
    content = bytearray()
    try:
        with opener.open(request, timeout=_SOCKET_SECONDS) as response:
            if response.status != HTTPStatus.OK:
                raise FetchError(f"answers with the status {response.status}")
            while piece := response.read1(_CHUNK):
                content += piece
                if len(content) > LARGEST_DOCUMENT:
                    raise FetchError(f"is larger than {LARGEST_DOCUMENT} bytes")
                if time.monotonic() > end:
                    raise FetchError("has not answered in time")
            fresh = _freshness(response.headers.get("Cache-Control", ""))
    except HTTPError as error:
        error.close()  # it is the response as well, which holds the connection
        raise FetchError(f"answers with the status {error.code}") from None
    except ssl.SSLCertVerificationError as error:
        raise FetchError("has a certificate that is not trusted (SSL_CERT_FILE)") from error
    except TimeoutError as error:
        raise FetchError("has not answered in time") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _fetch_error(error) from error
    return bytes(content), fresh


def _fetch_error(error: Exception) -> FetchError:
    cause = getattr(error, "reason", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return FetchError("has a certificate that is not trusted (SSL_CERT_FILE)")
    if isinstance(cause, TimeoutError):
        return FetchError("has not answered in time")
    return FetchError("cannot be reached")


def _freshness(cache_control: str) -> float:
    found = _MAX_AGE.search(cache_control)
    asked = FRESH_SECONDS if found is None else float(found[1])
    if "no-store" in cache_control.lower() or "no-cache" in cache_control.lower():
        asked = 0.0
    return min(max(asked, SHORTEST_SECONDS), FRESH_SECONDS)


class _NoRedirection(HTTPRedirectHandler):
    """Makes an error of each redirection: the address that was configured counts."""

    def redirect_request(  # noqa: PLR0917 - the signature that urllib calls
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Return no request."""
        del req, fp, code, msg, headers, newurl
