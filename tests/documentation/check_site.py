"""Builds the site of the documentation, and follows each link and anchor in it. `make pages` runs it."""

import json
import re
import subprocess
import sys
from fcntl import LOCK_EX, flock
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from documentation.walk import navigation
from fhirexport_server.demo.group import batches
from fhirexport_server.store.loader import load
from fhirexport_server.store.migrate import migrate
from support.envoy import running_envoy
from support.server import running_server, wait_for_health

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
def html(testrun_uid: str) -> Path:
    """The site, which one process of a run builds: another would take it from under its tests."""
    SITE.parent.mkdir(exist_ok=True)
    with (SITE.parent / "site.built").open("a+") as built:
        flock(built, LOCK_EX)
        built.seek(0)
        if built.read() != testrun_uid:
            done = subprocess.run(
                [sys.executable, ROOT / "docs/site/build.py"],
                capture_output=True,
                text=True,
                check=False,
                timeout=170,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            built.truncate(0)
            built.write(testrun_uid)
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
    pages = {str(page.relative_to(SITE / "pages")) for page in (SITE / "pages").rglob("*.md")}
    assert set(navigation()) == pages
    assert html.exists()


def test_each_page_says_its_language(site: dict[Path, _Page]) -> None:
    assert {page.language for file, page in site.items() if file.parent.name == "fr"} == {"fr"}
    assert {page.language for file, page in site.items() if file.parent.name != "fr"} == {"en"}


def test_a_page_leads_to_itself_in_the_other_language_and_speaks_its_own(html: Path) -> None:
    for file in (html / "fr").glob("*.html"):
        french, english = file.read_text(), (html / file.name).read_text()
        assert f'<a href="../{file.name}" hreflang="en"' in french
        assert f'<a href="fr/{file.name}" hreflang="fr"' in english
        assert "On this page" in english
        assert "On this page" not in french
        assert "Rechercher" in french


def test_pages_are_called_by_their_titles(site: dict[Path, _Page], html: Path) -> None:
    """A reader of the site has no files."""
    named = [
        f"{file.name}: {name}"
        for file in site
        for name in re.findall(
            r"<a href=[^>]*>([\w./-]+\.md)</a>|<code>(docs/[\w/.-]+\.md)</code>", file.read_text()
        )
    ]
    assert named == []
    assert 'security.html#metriques">Sécurité</a>' in (html / "fr/metrics.html").read_text()


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


def _value(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return some value of a parameter."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "items" in schema:
        return _value(schema["items"], schemas)
    if "enum" in schema:
        return str(schema["enum"][-1])
    if "examples" in schema:
        return str(schema["examples"][0])
    return "true" if schema["type"] == "boolean" else "1"


@pytest.mark.timeout(600)
async def test_envoy_knows_each_path_and_parameter_of_the_openapi_document(
    html: Path, tmp_path: Path
) -> None:
    document = json.loads((html / "openapi.json").read_text())
    schemas = document["components"]["schemas"]
    url = f"sqlite:///{tmp_path}/demo.db"
    migrate(url)
    load(url, batches(patients=3))
    unknown = []
    async with running_server(url) as server, running_envoy(tmp_path, server) as envoy:
        await wait_for_health(server)
        while (await envoy.ask("/api/fhir/entities")).status == 503:
            pass  # Envoy has not asked after the server's health yet
        for path, operations in document["paths"].items():
            operation = operations.get("get")
            if operation is None:
                continue
            values = {each["name"]: _value(each["schema"], schemas) for each in operation["parameters"]}
            inside = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            for name in inside:
                path = path.replace(f"{{{name}}}", quote(values[name]))  # noqa: PLW2901 - the path of the call
            for name in ["", *sorted(set(values) - inside)]:
                query = f"?{name}={quote(values[name])}" if name else ""
                answer = await envoy.ask(f"{path}{query}")
                if answer.status == 404 or "Could not find field" in answer.text:
                    unknown.append(f"{path}{query}: {answer.text[:200]}")
    assert unknown == []
