"""Shows how keys are fetched from an address, and what is done while they cannot be."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from fhirexport_server.identities import fetched_keys
from fhirexport_server.identities.fetched_keys import STALE_SECONDS, FetchedKeys, FetchError, fetch
from fhirexport_server.identities.key_set import LARGEST_DOCUMENT
from fhirexport_server.runtime.reading.kept_content import LoadOutcome
from structlog.testing import capture_logs
from support.certificates import Site
from support.tokens import key_set, new_key
from support.web import Web, serving

KEY = new_key()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def trusting(site: Site) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=site.ca)


@pytest.fixture
def web(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(site) as web:
        web.content = key_set({"first": KEY})
        yield web


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_keys_are_fetched_and_kept(web: Web, trusting: ssl.SSLContext) -> None:
    noted: list[LoadOutcome] = []
    keys = FetchedKeys(web.url, noted.append, context=trusting)
    assert keys.current is None
    await asyncio.gather(*(keys.refreshed() for _ in range(50)))
    assert keys.current is not None
    assert set(keys.current.keys) == {"first"}
    assert (web.asked, noted, keys.refusing) == (["/jwks.json"], ["loaded"], False)


async def test_whoever_asks_for_unknown_keys_has_them_fetched_once_in_a_while(
    web: Web, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = FetchedKeys(web.url, lambda _: None, context=trusting)
    for _ in range(20):
        await keys.refreshed()
    assert len(web.asked) == 1
    monkeypatch.setattr(fetched_keys, "SHORTEST_SECONDS", 0.0)
    keys = FetchedKeys(web.url, lambda _: None, context=trusting)
    web.content = key_set({"first": KEY, "second": new_key()})
    await keys.refreshed()
    assert keys.current is not None
    assert set(keys.current.keys) == {"first", "second"}


async def test_what_cannot_be_used_is_told_once_and_the_former_keys_stay_for_hours(
    web: Web, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched_keys, "SHORTEST_SECONDS", 0.0)
    noted: list[LoadOutcome] = []
    clock = _Clock()
    keys = FetchedKeys(web.url, noted.append, context=trusting, clock=clock)
    await keys.refreshed()
    web.content = b"CANARY"
    with capture_logs() as logs:
        for _ in range(3):
            await keys.refreshed()
    assert (noted, keys.refusing) == (["loaded", *["refused"] * 3], True)
    assert [(line["event"], line["problem"]) for line in logs] == [("identities_refused", "is no JSON")]
    clock.now = STALE_SECONDS
    assert keys.current is not None
    clock.now = STALE_SECONDS + 1
    assert keys.current is None
    web.content = key_set({"first": KEY})
    await keys.refreshed()
    assert (keys.current is not None, keys.refusing) == (True, False)


async def test_it_goes_on_fetching(
    web: Web, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched_keys, "SHORTEST_SECONDS", 0.01)
    web.headers["Cache-Control"] = "public, max-age=0"
    keys = FetchedKeys(web.url, lambda _: None, context=trusting)
    running = asyncio.create_task(keys.run())
    while len(web.asked) < 3:
        await asyncio.sleep(0.01)
    running.cancel()


async def test_an_address_that_hangs_is_given_up_and_hung_on_by_one_thread(
    web: Web, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched_keys, "SHORTEST_SECONDS", 0.0)
    monkeypatch.setattr(fetched_keys, "_TOTAL_SECONDS", 0.1)
    web.held.clear()
    keys = FetchedKeys(web.url, lambda _: None, context=trusting)
    for _ in range(3):
        await keys.refreshed()
    assert (keys.refusing, keys.current) == (True, None)
    assert len(web.asked) <= 1


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", 300.0),
        ("public, max-age=60", 60.0),
        ("max-age=86400", 300.0),
        ("Max-Age=1", 10.0),
        ("s-maxage=60", 300.0),
        ("no-store", 10.0),
        ("max-age=x", 300.0),
    ],
)
def test_keys_are_fresh_no_longer_than_the_response_says(
    web: Web, trusting: ssl.SSLContext, cache_control: str, seconds: float
) -> None:
    web.headers["Cache-Control"] = cache_control
    assert fetch(web.url, trusting) == (web.content, seconds)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirection_is_followed(web: Web, trusting: ssl.SSLContext, status: int) -> None:
    web.status = status
    web.headers["Location"] = "/elsewhere"
    with pytest.raises(FetchError, match=f"status {status}"):
        fetch(web.url, trusting)
    assert web.asked == ["/jwks.json"]


def test_what_is_wrong_is_told_without_quoting_it(web: Web, trusting: ssl.SSLContext) -> None:
    for status in (204, 404, 500):
        web.status = status
        with pytest.raises(FetchError, match=f"status {status}"):
            fetch(web.url, trusting)
    web.status, web.content = 200, b" " * (LARGEST_DOCUMENT + 1)
    with pytest.raises(FetchError, match="larger than"):
        fetch(web.url, trusting)
    with pytest.raises(FetchError, match="not trusted"):
        fetch(web.url, ssl.create_default_context())
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch("https://localhost:1/jwks.json", trusting)


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.test/jwks",
        "file:///etc/passwd",
        "https://user@issuer.test/",
        "https://",
        "https://a.test/#x",
    ],
)
def test_only_https_addresses_are_fetched(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        FetchedKeys(url, lambda _: None)
