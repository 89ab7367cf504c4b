"""Shows that the commands of docs/operations.md print what it says, run in the troubles that it is about."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import troubles
from support.documented import commands, matches
from support.troubles import Trouble

PAGE = "docs/operations.md"
COMMANDS = commands(PAGE)
TROUBLES: dict[str, Trouble] = {
    "Installing Redis or Valkey": troubles.installing,
    "What to look at first": troubles.in_order,
    "Redis refuses connections": troubles.redis_refuses,
    "The cache is not invalidated": troubles.untracked_write,
    "Changes would go unnoticed": troubles.triggers_off,
    "Exports are slow": troubles.slow,
    "Timeouts": troubles.locked_out,
    "Exports fail": troubles.not_renderable,
    "The database does not answer": troubles.database_away,
    "Restoring a backup": troubles.restoring,
    "Roles on PostgreSQL": troubles.without_roles,
    "Several servers": troubles.several,
    "Upgrading": troubles.old_schema,
}


def test_every_section_with_commands_is_tried() -> None:
    assert list(dict.fromkeys(command.section for command in COMMANDS)) == list(TROUBLES)
    assert len(COMMANDS) >= 30


@pytest.mark.parametrize("section", TROUBLES)
async def test_the_commands_of_a_section_print_what_it_says(
    section: str, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    async with TROUBLES[section](tmp_path, new_database) as world:
        for command in COMMANDS:
            if command.section == section:
                printed = await world.run(command.line)
                assert matches(command.expected, printed), f"{command.line}\n{printed}"
