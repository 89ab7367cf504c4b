"""Builds the site of the documentation, and follows each link and anchor in it. `make pages` runs it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build/site"
BIN = Path(sys.executable).parent
OF_THE_SITE_ITSELF = {"404.html"}


class _Page(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.ids: set[str] = set()
        self.language = ""
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := named.get(name))}
        if tag == "html":
            self.language = named.get("lang") or ""
        if tag == "a" and named.get("href"):
            self.links.add(str(named["href"]))
        for name in ("src", "href"):
            if tag in {"script", "img", "link", "iframe"} and named.get(name):
                self.fetched.add(str(named[name]))


@pytest.fixture(scope="module")
def html() -> Path:
    done = subprocess.run(
        [sys.executable, ROOT / "docs/site/build.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return SITE / "html"


@pytest.fixture(scope="module")
def site(html: Path) -> dict[Path, _Page]:
    return {file: _Page(file) for file in html.rglob("*.html") if file.name not in OF_THE_SITE_ITSELF}


def test_each_link_leads_somewhere(site: dict[Path, _Page]) -> None:
    astray = []
    for file, page in site.items():
        for link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (file.parent / unquote(url.path)).resolve() if url.path else file
            if not target.exists() or (
                url.fragment and target in site and url.fragment not in site[target].ids
            ):
                astray.append(f"{file.name}: {link}")
    assert astray == []


def test_nothing_is_fetched_from_elsewhere(site: dict[Path, _Page]) -> None:
    fetched = {url for page in site.values() for url in page.fetched}
    assert [url for url in fetched if urlsplit(url).netloc] == []


def test_each_page_is_in_the_navigation(html: Path) -> None:
    def names(part: object) -> Iterator[str]:
        if isinstance(part, dict):
            for each in part.values():
                yield from names(each)
        elif isinstance(part, list):
            for each in part:
                yield from names(each)
        else:
            yield str(part)

    pages = {str(page.relative_to(SITE / "pages")) for page in (SITE / "pages").rglob("*.md")}
    navigation = yaml.safe_load((ROOT / "docs/site/mkdocs.yml").read_text())["nav"]
    assert set(names(navigation)) == pages
    assert html.exists()


def test_each_page_says_its_language(site: dict[Path, _Page]) -> None:
    assert {page.language for file, page in site.items() if file.parent.name == "fr"} == {"fr"}
    assert {page.language for file, page in site.items() if file.parent.name != "fr"} == {"en"}


def test_both_languages_can_be_searched(html: Path) -> None:
    index = (html / "search.json").read_text()
    assert "never stale" in index
    assert "jamais périmé" in index


def test_the_openapi_document_is_one_and_has_every_path_of_the_page(html: Path) -> None:
    document = html / "openapi.json"
    said = subprocess.run(
        [BIN / "openapi-spec-validator", document], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout
    paths = json.loads(document.read_text())["paths"]
    assert "post" in paths["/api/cache/invalidate"]
    parameters = paths["/api/fhir/export/venues/{ej_id}"]["get"]["parameters"]
    assert {"ej_id", "format", "detail", "consistency.max_staleness"} <= {each["name"] for each in parameters}
