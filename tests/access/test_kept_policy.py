"""Shows how a policy is replaced while a server runs: by a good one alone, whole, and with its EJs."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from fhirexport_server.access import kept_policy
from fhirexport_server.access.kept_policy import KeptPolicy
from fhirexport_server.access.policy_file import PolicyError
from fhirexport_server.access.right import Action
from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.domain.identity import Identity
from fhirexport_server.runtime.reading.kept_content import LoadOutcome
from structlog.testing import capture_logs

ME = Identity("token", "t")
A, B = "010780054", "2A0000014"


def text(*rights: str) -> str:
    return f'[[callers]]\nname = "a"\ntoken = "t"\nrights = {list(rights)}\n'


class Numbers:
    """A database that says which EJs there are, or does not answer."""

    def __init__(self) -> None:
        self.ids: dict[str, int] | Exception = {A: 1}
        self.asked: list[Collection[str]] = []

    async def ids_by_finess(self, finess: Collection[str]) -> Mapping[str, int]:
        self.asked.append(finess)
        if isinstance(self.ids, Exception):
            raise self.ids
        return {number: self.ids[number] for number in finess if number in self.ids}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text(f"import:ej:{A}"))
    return path


def _kept(path: Path) -> tuple[KeptPolicy, Numbers, list[LoadOutcome]]:
    numbers, outcomes = Numbers(), list[LoadOutcome]()
    return KeptPolicy(path, numbers, outcomes.append), numbers, outcomes


async def _checked(kept: KeptPolicy, times: int = 2) -> None:
    for _ in range(times):
        policy = kept.check()
        if policy is not None:
            await kept.use(policy)


def test_a_server_does_not_start_with_a_bad_policy(path: Path) -> None:
    path.write_text(text("all"))
    with pytest.raises(PolicyError, match="must begin with export"):
        _kept(path)
    path.unlink()
    with pytest.raises(PolicyError, match="cannot be read"):
        _kept(path)


async def test_a_number_grants_nothing_before_its_ej_is_known(path: Path) -> None:
    kept, numbers, _ = _kept(path)
    assert not kept.control.decide(ME, Action.IMPORT, 1)
    await kept.look_up()
    assert kept.control.decide(ME, Action.IMPORT, 1)
    assert numbers.asked == [{A}]


async def test_a_good_policy_replaces_the_former_once_it_is_there_twice(path: Path) -> None:
    kept, _, outcomes = _kept(path)
    await kept.look_up()
    changes: list[int] = []
    kept.changed = lambda: changes.append(1)
    path.write_text(text("import:ej:id:5"))
    await _checked(kept, times=1)
    assert kept.control.decide(ME, Action.IMPORT, 1)
    await _checked(kept, times=3)
    assert [kept.control.decide(ME, Action.IMPORT, ej_id) for ej_id in (1, 5)] == [False, True]
    assert (outcomes, changes, kept.refusing) == (["loaded"], [1], False)


async def test_a_bad_policy_is_refused_whole_and_told_once(path: Path) -> None:
    kept, _, outcomes = _kept(path)
    await kept.look_up()
    bad = text("import:ej:id:5", "all")
    with capture_logs() as logs:
        path.write_text(bad)
        await _checked(kept, times=5)
        assert [kept.control.decide(ME, Action.IMPORT, ej_id) for ej_id in (1, 5)] == [True, False]
        assert (outcomes, kept.refusing) == (["refused"], True)
        path.unlink()
        await _checked(kept, times=5)
        assert outcomes == ["refused", "refused"]
        path.write_text(text("import:ej:id:5"))
        await _checked(kept)
    assert [line["event"] for line in logs] == ["policy_refused", "policy_refused", "policy_loaded"]
    assert "callers, table 1 (a), rights, value 2" in logs[0]["problem"]
    assert (kept.refusing, kept.control.decide(ME, Action.IMPORT, 5)) == (False, True)


async def test_what_was_refused_and_is_put_back_is_no_longer_refused(path: Path) -> None:
    kept, _, outcomes = _kept(path)
    good = path.read_text()
    path.write_text("[")
    await _checked(kept)
    assert kept.refusing
    path.write_text(good)
    await _checked(kept, times=1)
    assert (kept.refusing, outcomes) == (False, ["refused"])


async def test_a_file_that_is_half_written_is_neither_used_nor_refused(path: Path) -> None:
    kept, _, outcomes = _kept(path)
    await kept.look_up()
    whole = text("import:ej:id:5") + text("import:ej:id:6").replace('"a"', '"b"').replace('"t"', '"u"')
    for end in range(0, len(whole), 7):
        path.write_text(whole[:end])
        await _checked(kept, times=1)
        assert kept.control.decide(ME, Action.IMPORT, 1)
    path.write_text(whole)
    await _checked(kept)
    assert (outcomes, kept.control.decide(ME, Action.IMPORT, 5)) == (["loaded"], True)


@pytest.mark.parametrize("error", [DatabaseUnavailableError(), RuntimeError("a bug")])
async def test_rights_are_taken_away_while_the_database_does_not_answer(path: Path, error: Exception) -> None:
    kept, numbers, _ = _kept(path)
    path.write_text(text(f"import:ej:{A}", "import:ej:id:7"))
    await _checked(kept)
    assert [kept.control.decide(ME, Action.IMPORT, ej_id) for ej_id in (1, 7)] == [True, True]
    numbers.ids = error
    path.write_text(text(f"import:ej:{A}", f"import:ej:{B}"))
    await _checked(kept)
    assert [kept.control.decide(ME, Action.IMPORT, ej_id) for ej_id in (1, 2, 7)] == [True, False, False]
    numbers.ids = {A: 1, B: 2}
    await kept.look_up()
    assert [kept.control.decide(ME, Action.IMPORT, ej_id) for ej_id in (1, 2, 7)] == [True, True, False]


async def test_a_database_that_is_silent_does_not_hold_a_policy_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_policy, "LOOK_UP_SECONDS", 0.01)
    kept, numbers, _ = _kept(path)

    async def silent(finess: Collection[str]) -> Mapping[str, int]:
        del finess
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(numbers, "ids_by_finess", silent)
    path.write_text(text("import:ej:id:7"))
    await _checked(kept)
    assert kept.control.decide(ME, Action.IMPORT, 7)


async def test_it_looks_at_its_file_and_its_numbers_for_as_long_as_it_runs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_policy, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(kept_policy, "LOOK_UP_SECONDS", 0.02)
    kept, numbers, _ = _kept(path)
    numbers.ids = {A: 3}
    running = asyncio.create_task(kept.run())
    try:
        async with asyncio.timeout(60):
            while not kept.control.decide(ME, Action.IMPORT, 3):
                await asyncio.sleep(0.01)
            path.write_text(text("import:ej:id:4"))
            while not kept.control.decide(ME, Action.IMPORT, 4):
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.wait({running})
