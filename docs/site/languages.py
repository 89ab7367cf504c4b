"""Gives each page of the built site its own language: Zensical has one for the whole of it."""

import json
import re
from importlib.resources import files
from pathlib import Path

_OURS = {"Dark": "Sombre", "Light": "Clair"}
"""What mkdocs.yml calls things."""
_AREAS = {"action", "clipboard", "header", "search", "select", "toc", "top"}
"""What Zensical calls the parts that we have."""


def separate(html: Path) -> None:
    """Have the pages of a built site speak their language, and lead to themselves in the other one."""
    words = _words("en", "fr")
    for page in (html / "fr").glob("*.html"):
        text = page.read_text().replace('<html lang="en"', '<html lang="fr"', 1)
        for english, french in {**words, **_OURS}.items():
            text = re.sub(rf'(?<=[>"])(\s*){re.escape(english)}(\s*)(?=[<"])', rf"\g<1>{french}\g<2>", text)
        page.write_text(_leading(text, en=f"../{page.name}", fr=page.name))
        translated = html / page.name
        translated.write_text(_leading(translated.read_text(), en=page.name, fr=f"fr/{page.name}"))


def _leading(text: str, **targets: str) -> str:
    """Return a page whose choice of a language leads to what it says in that language."""
    for language, target in targets.items():
        text = re.sub(rf'href="[^"]*" (hreflang="{language}")', rf'href="{target}" \g<1>', text)
    return text


def _words(one: str, other: str) -> dict[str, str]:
    """Return what Zensical says around a page, from one language to another."""
    partials = files("zensical") / "templates/partials/languages"
    said = [
        {
            key: json.loads(f'"{text}"')
            for key, text in re.findall(
                r'^  "([\w.]+)": "(.*)",?$', (partials / f"{name}.html").read_text(), re.MULTILINE
            )
        }
        for name in (one, other)
    ]
    return {text: said[1][key] for key, text in said[0].items() if _is_shown(key) and key in said[1]}


def _is_shown(key: str) -> bool:
    area, _, rest = key.partition(".")
    return not rest.startswith("config") and area in _AREAS
