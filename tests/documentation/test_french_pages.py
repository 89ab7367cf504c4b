"""Shows that a French page says what the English one says: sections, blocks, tables, and words of code.

A page that falls behind fails here, with what it lacks. To bring it up to date, translate what has changed.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from support.documented import blocks

ROOT = Path(__file__).parents[2]
PAIRS = {
    "README.md": "README.fr.md",
    **{f"docs/{path.name}": f"docs/fr/{path.name}" for path in sorted((ROOT / "docs/fr").glob("*.md"))},
}


class Section(NamedTuple):
    """A section of a page, in either language."""

    line_no: int
    level: int
    title: str
    tables: list[int]
    """How many cells each row of its tables has."""
    code: set[str]
    """What stands between backquotes, outside of blocks."""


def _sections(page: str) -> list[Section]:
    text = (ROOT / page).read_text()
    # Blocks are compared by themselves; what is in them is neither a heading nor a table.
    text = re.sub(
        r"^( *)(```+).*\n(?:.*\n)*? *\2 *$",
        lambda block: "\n" * block[0].count("\n"),
        text,
        flags=re.MULTILINE,
    )
    headings = [*re.finditer(r"^(#+) (.*)$", text, re.MULTILINE)]
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    sections = []
    for heading, end in zip(headings, ends, strict=True):
        body = text[heading.start() : end]
        rows = [line for line in body.splitlines() if line.lstrip().startswith("|")]
        # A backquoted word of a heading is of its section.
        code = {" ".join(word.split()) for word in re.findall(r"`([^`]+)`", body)}
        line_no = text.count("\n", 0, heading.start()) + 1
        cells = [len(re.split(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", row))) for row in rows]
        sections.append(Section(line_no, len(heading[1]), heading[2], cells, code))
    return sections


@pytest.mark.parametrize("page", PAIRS)
def test_a_french_page_has_the_same_sections(page: str) -> None:
    english, french = _sections(page), _sections(PAIRS[page])
    levels = [[section.level for section in sections] for sections in (english, french)]
    titles = [[section.title for section in sections] for sections in (english, french)]
    assert levels[0] == levels[1], f"{PAIRS[page]} has other sections than {page}: {titles[0]} {titles[1]}"


@pytest.mark.parametrize("page", PAIRS)
def test_a_french_page_has_the_same_blocks(page: str) -> None:
    english, french = (
        [(block.language, block.text) for block in blocks(each)] for each in (page, PAIRS[page])
    )
    lines = [block.line_no for block in blocks(page)]
    behind = [line for line, block in zip(lines, english, strict=True) if block not in french]
    assert french == english, f"{PAIRS[page]} lacks the blocks of the lines {behind} of {page}, or has others"


@pytest.mark.parametrize("page", PAIRS)
def test_a_french_page_has_the_same_tables_and_words_of_code(page: str) -> None:
    behind = []
    for english, french in zip(_sections(page), _sections(PAIRS[page]), strict=True):
        lacks, has = english.code - french.code, french.code - english.code
        if english.tables != french.tables or lacks or has:
            where = f"{PAIRS[page]}:{french.line_no} ({english.title})"
            rows = f"{len(french.tables)} rows for {len(english.tables)}"
            behind.append(f"{where}: {rows}; lacks {sorted(lacks)}; has {sorted(has)}")
    assert behind == [], "\n".join(behind)
