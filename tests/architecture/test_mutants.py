"""Shows that each safeguard that `make mutants` takes away is where it says, and its tests are there."""

from pathlib import Path

import pytest
from verification.mutants.mutant import Mutant
from verification.mutants.safeguards import MUTANTS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_safeguard_is_there_exactly_once(mutant: Mutant) -> None:
    assert (ROOT / "server" / mutant.file).read_text().count(mutant.safeguard) == 1
    file, _, test = mutant.noticed_by.partition("::")
    assert (ROOT / file).exists()
    assert not test or f"def {test}(" in (ROOT / file).read_text()
