"""Build the site: the pages of docs/ and of the root, and a reference of the API made from the protos.

`make site` runs it. The pages are staged in build/site/pages, where links are those of the site; what is
built from them is in build/site/html, and can be read from that folder, or be served by any web server.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import contract
import languages
import openapi
import reference
from fhirexport._version import __version__

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "build/site/pages"
OF_THE_ROOT = {
    "README.md": "index.md",
    "README.fr.md": "fr/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "reporting.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages of the root, by their place in the site; docs/security.md is another page than SECURITY.md."""
_LINK = re.compile(r"\[([^\]]+)\]\(([^)#:\s]+)(#[^)\s]*)?\)")
_NAME = re.compile(r"(?<!\[)`(docs/[\w./-]+\.md)`")


def main() -> int:
    """Stage the pages and build the site; return the exit status: a link that leads nowhere fails it."""
    shutil.rmtree(PAGES, ignore_errors=True)
    sources = {ROOT / name: place for name, place in OF_THE_ROOT.items()}
    sources |= {page: str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    for page, place in sources.items():
        _write(place, _with_links_of_the_site(page, place, sources))
    api = contract.read()
    for name, text in reference.pages(api):
        _write(f"reference/{name}.md", text)
    shutil.copy(Path(__file__).with_name("site.css"), PAGES)
    _write("openapi.json", json.dumps(openapi.document(api, __version__), indent=1))
    shutil.copy(ROOT / "docs/site/mkdocs.yml", PAGES.parent)
    zensical: list[str | Path] = [Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"]
    status = subprocess.run(zensical, cwd=PAGES.parent, check=False).returncode
    languages.separate(PAGES.parent / "html")
    return status


def _write(place: str, text: str) -> None:
    (PAGES / place).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / place).write_text(text)


def _with_links_of_the_site(page: Path, place: str, sources: dict[Path, str]) -> str:
    """Return a page with its links to other pages as they are in the site.

    What is a file of the repository and no page of the site loses its link, and keeps its text. A page that
    is only named, as `docs/api.md`, is linked to, in the language of this one where it is there. In the site
    a page is called by its title.
    """

    def linked(file: Path, anchor: str, text: str) -> str:
        shown = _title(file) if text.endswith(".md") else text
        return f"[{shown}]({'../' * place.count('/')}{sources[file]}{anchor})"

    def link(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        file = (page.parent / target).resolve()
        if file in sources:
            return linked(file, anchor, text)
        # One that leads nowhere stays, for the build to refuse.
        return text if file.exists() else match[0]

    def name(match: re.Match[str]) -> str:
        file = ROOT / match[1]
        translated = file.with_name("fr") / file.name
        if place.startswith("fr/") and translated in sources:
            file = translated
        return linked(file, "", file.name) if file in sources else match[0]

    parts = re.split(r"(^ *```.*\n(?:.*\n)*? *```$)", page.read_text(), flags=re.MULTILINE)
    # Blocks are every other part.
    for pattern, change in ((_LINK, link), (_NAME, name)):
        parts[::2] = [pattern.sub(change, part) for part in parts[::2]]
    return "".join(parts)


def _title(page: Path) -> str:
    return page.read_text().partition("\n")[0].removeprefix("# ")


if __name__ == "__main__":
    sys.exit(main())
