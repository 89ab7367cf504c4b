"""Shows who may do what by a policy, and that nothing is ever granted that the file does not name."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from fhirexport_server.access.access_control import AccessControl
from fhirexport_server.access.policy_file import read
from fhirexport_server.access.right import Action
from fhirexport_server.domain.datasets import EVERY_EJ, Dataset
from fhirexport_server.domain.identity import Identity
from hypothesis import given
from hypothesis import strategies as st

STRUCTURE, PATIENTS, VENUES = Dataset
A, B = "010780054", "2A0000014"
IDS = {A: 1, B: 2}
ASKED = [
    *((action, dataset) for action in (Action.EXPORT, Action.WATCH) for dataset in Dataset),
    *((action, None) for action in (Action.IMPORT, Action.CACHE_READ, Action.CACHE_ADMIN)),
]
EJS = (EVERY_EJ, 1, 2, 3, 10_780_054, -1)


def control(text: str, ids: Mapping[str, int] = IDS) -> AccessControl:
    made = AccessControl(read(text.encode(), Path("policy.toml")))
    made.replace(made.policy, ids)
    return made


def certificate(*names: str, issuer: str = "CN=CA") -> Identity:
    return Identity("certificate", names[0], issuer, frozenset(names))


def caller(*rights: str, name: str = "a", by: str = 'certificate = { san = "a.test" }') -> str:
    return f'[[callers]]\nname = "{name}"\n{by}\nrights = {list(rights)}\n'


def granted(decider: AccessControl, identity: Identity | None) -> set[tuple[Action, Dataset | None, int]]:
    return {
        (*kind, ej_id) for kind in ASKED for ej_id in EJS if decider.decide(identity, kind[0], ej_id, kind[1])
    }


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (
            f"export:patients:ej:{A}",
            {(Action.EXPORT, PATIENTS, 1), (Action.WATCH, PATIENTS, 1)},
        ),
        ("export:venues:ej:id:2", {(Action.EXPORT, VENUES, 2), (Action.WATCH, VENUES, 2)}),
        (f"watch:structure:ej:{B}", {(Action.WATCH, STRUCTURE, 2)}),
        ("watch:structure:*", {(Action.WATCH, STRUCTURE, ej_id) for ej_id in EJS}),
        ("import:ej:id:3", {(Action.IMPORT, None, 3)}),
        ("import:*", {(Action.IMPORT, None, ej_id) for ej_id in EJS}),
        ("cache:read", {(Action.CACHE_READ, None, ej_id) for ej_id in EJS}),
        (f"cache:admin:ej:{A}", {(Action.CACHE_READ, None, 1), (Action.CACHE_ADMIN, None, 1)}),
        ("export:patients:ej:999999999", set()),
        (
            "export:patients:ej:id:10780054",
            {(a, PATIENTS, 10_780_054) for a in (Action.EXPORT, Action.WATCH)},
        ),
    ],
)
def test_a_right_grants_what_it_names(right: str, expected: set[tuple[Action, Dataset | None, int]]) -> None:
    decider = control(caller(right))
    assert granted(decider, certificate("a.test")) == expected
    for stranger in (
        None,
        certificate("b.test"),
        certificate("a.test.example.org"),
        certificate("test"),
        Identity("jwt", "a.test", names=frozenset({"a.test"})),
        Identity("token", "a.test", names=frozenset({"a.test"})),
    ):
        assert granted(decider, stranger) == set()


def test_rights_add_up_and_roles_are_lists_of_rights() -> None:
    decider = control(
        f'[roles]\nr = ["export:patients:ej:{A}", "import:ej:{A}"]\n'
        + caller("export:patients:ej:id:2")
        + 'roles = ["r"]\n'
    )
    identity = certificate("a.test")
    assert {ej_id for ej_id in EJS if decider.decide(identity, Action.EXPORT, ej_id, PATIENTS)} == {1, 2}
    assert decider.decide(identity, Action.IMPORT, 1)
    assert not decider.decide(identity, Action.IMPORT, 2)


RECOGNISED = {
    'certificate = { san = "a.test" }': certificate("other.test", "a.test", issuer="CN=Any"),
    'certificate = { san = "a.test", issuer = "CN=CA" }': certificate("a.test"),
    'certificate = { subject = "CN=a", issuer = "CN=CA" }': certificate("x.test", "CN=a"),
    'jwt = { issuer = "https://i.test", subject = "s" }': Identity("jwt", "s", "https://i.test"),
    'token = "t"': Identity("token", "t"),
}
STRANGERS = [
    certificate("A.TEST"),
    certificate("b.a.test"),
    certificate("CN=a", issuer="CN=Other"),
    certificate("CN=a,O=b"),
    Identity("jwt", "s", "https://i.test/"),
    Identity("jwt", "S", "https://i.test"),
    Identity("jwt", "t"),
    Identity("token", "s", "https://i.test"),
    Identity("token", "T"),
]


@pytest.mark.parametrize("by", RECOGNISED)
def test_a_caller_is_recognised_by_exactly_what_the_policy_says(by: str) -> None:
    decider = control(caller("cache:read", by=by))
    assert decider.name(RECOGNISED[by]) == "a"
    for other, identity in RECOGNISED.items():
        if other != by and not (by.startswith("certificate") and other.startswith("certificate")):
            assert decider.name(identity) is None
    assert [decider.name(identity) for identity in STRANGERS] == [None] * len(STRANGERS)


def test_an_issuer_that_is_named_is_needed() -> None:
    decider = control(caller("cache:read", by='certificate = { san = "a.test", issuer = "CN=CA" }'))
    assert decider.name(certificate("a.test", issuer="CN=Other")) is None
    assert decider.name(certificate("a.test", issuer="")) is None


def test_a_certificate_with_the_names_of_two_callers_is_neither() -> None:
    decider = control(
        caller("cache:read") + caller("import:*", name="b", by='certificate = { san = "b.test" }')
    )
    both = certificate("a.test", "b.test")
    assert {one.name for one in decider.policy.matching(both)} == {"a", "b"}
    assert (decider.name(both), granted(decider, both), decider.has(both, Action.IMPORT)) == (
        None,
        set(),
        False,
    )


def test_scopes_limit_what_the_policy_grants_and_never_add_to_it() -> None:
    decider = control(caller("export:*:*", by='jwt = { issuer = "i", subject = "s" }'))
    for text, datasets in {
        "system/Patient.rs": {PATIENTS},
        "system/*.cruds cache:admin": set(Dataset),
        "": set(),
    }.items():
        identity = Identity("jwt", "s", "i", scopes=frozenset(text.split()))
        assert {kind for kind in ASKED if decider.decide(identity, kind[0], 1, kind[1])} == {
            (action, dataset) for action in (Action.EXPORT, Action.WATCH) for dataset in datasets
        }
        assert decider.has(identity, Action.EXPORT) == bool(datasets)
        assert not decider.has(identity, Action.IMPORT)


def test_a_number_that_moves_to_another_ej_moves_the_right() -> None:
    decider, identity = control(caller(f"import:ej:{A}"), {}), certificate("a.test")
    assert decider.has(identity, Action.IMPORT)
    assert granted(decider, identity) == set()
    assert decider.replace(decider.policy, {A: 1})
    assert granted(decider, identity) == {(Action.IMPORT, None, 1)}
    assert decider.replace(decider.policy, {A: 2})
    assert granted(decider, identity) == {(Action.IMPORT, None, 2)}
    assert not decider.replace(decider.policy, {A: 2})


EJ = st.sampled_from([f"ej:{A}", f"ej:{B}", "ej:999999999", "ej:id:1", "ej:id:2", "ej:id:3"])
EXPORTED = st.builds(
    "{}:{}:{}".format,
    st.sampled_from(["export", "watch"]),
    st.sampled_from([*Dataset, "*"]),
    EJ | st.just("*"),
)
RIGHT = (
    EXPORTED
    | st.builds("import:{}".format, EJ | st.just("*"))
    | st.builds("{}:{}".format, st.sampled_from(["cache:read", "cache:admin"]), EJ)
    | st.sampled_from(["cache:read", "cache:admin"])
)


def _named(right: str) -> Iterator[tuple[Action, Dataset | None, int]]:
    """Yields what a right grants, read from its text by other means than the parser's."""
    fields = right.split(":")
    is_cache = fields[0] == "cache"
    action = Action(":".join(fields[:2]) if is_cache else fields[0])
    datasets: list[Dataset | None] = [None]
    if action in {Action.EXPORT, Action.WATCH}:
        datasets = list(Dataset) if fields[1] == "*" else [Dataset(fields[1])]
    ejs = list(EJS)
    if "ej" in fields:
        ejs = [int(fields[-1])] if "id" in fields else [IDS[fields[-1]]] if fields[-1] in IDS else []
    included = {Action.EXPORT: [Action.WATCH], Action.CACHE_ADMIN: [Action.CACHE_READ]}
    for granted_action in (action, *included.get(action, [])):
        for dataset in datasets:
            for ej_id in ejs:
                yield granted_action, dataset, ej_id


@given(
    policy=st.lists(st.tuples(st.lists(RIGHT, unique=True, max_size=6), st.integers(0, 6)), max_size=4),
)
def test_exactly_what_the_file_names_is_granted(policy: list[tuple[list[str], int]]) -> None:
    roles, callers = "[roles]\n", ""
    for number, (rights, own) in enumerate(policy):
        roles += f"r{number} = {rights[own:]}\n"
        by = f'certificate = {{ san = "c{number}.test" }}'
        callers += caller(*rights[:own], name=f"c{number}", by=by) + f'roles = ["r{number}"]\n'
    decider = control(roles + callers)
    for number, (rights, _) in enumerate(policy):
        named = {one for right in rights for one in _named(right)}
        assert granted(decider, certificate(f"c{number}.test")) == named
    assert granted(decider, certificate("c9.test")) == set()
