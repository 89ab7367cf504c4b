"""Shows that what random statements change is brought up to date as a full rendering has it."""

import pytest
from verification.metamorphic.changed_walk import walk_exports

STATEMENTS = {"sqlite": 600, "postgresql": 400}


async def test_what_is_brought_up_to_date_is_what_a_full_rendering_gives(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = database_url.partition(":")[0]
    seen = await walk_exports(database_url, statements=STATEMENTS[backend], changed=31)
    with capsys.disabled():
        print(f"\n{backend}: {seen}")  # noqa: T201 - how much is brought up to date is worth knowing
    assert seen.mismatches == []
    assert seen.changed > 30
