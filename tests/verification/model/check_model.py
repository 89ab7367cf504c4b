"""Proves by exhaustion that the protocol is correct, and that it needs each of its safeguards."""

import sys

import pytest
from verification.model.explorer import Outcome, explore
from verification.model.protocol import Model, Protocol
from verification.model.state import Scenario, holds

AS_DESIGNED = Protocol()

SCENARIOS = {
    "faulty redis": Scenario(2, ("strict",) * 3, (0, 0, 1)),
    "sound redis": Scenario(2, ("strict",) * 3, (0, 0, 1), redis_is_faulty=False),
    "lost commit": Scenario(3, ("strict",) * 2, (0, 1), events=("crash",)),
    "deployment": Scenario(1, ("strict",) * 3, (0, 0, 1), events=("deploy",)),
    "restored backup": Scenario(2, ("strict",) * 2, (0, 1), events=("restore",)),
    "if none match": Scenario(2, ("strict", "if none match"), (0, 0), events=("crash", "restore", "deploy")),
    "at least": Scenario(2, ("strict", "at least"), (0, 0), events=("restore", "deploy")),
    "replica": Scenario(2, ("strict",) * 3, (0, 0, 1), replica=True),
    # In these, a rendering that is kept may be brought up to date.
    "changes": Scenario(2, ("strict",) * 3, (0, 0, 1), updates=True),
    "kinds of changes": Scenario(
        *(3, ("strict",) * 2, (0, 1)),
        updates=True,
        contexts=frozenset({1}),
        moves=frozenset({2}),
        replaces=frozenset({3}),
    ),
    "changes, pruned log": Scenario(2, ("strict",) * 3, (0, 0, 1), events=("prune",), updates=True),
    "changes, lost commit": Scenario(3, ("strict",) * 2, (0, 1), events=("crash", "prune"), updates=True),
    "changes, restored backup": Scenario(2, ("strict",) * 2, (0, 1), events=("restore",), updates=True),
    "changes, deployment": Scenario(2, ("strict",) * 2, (0, 1), events=("deploy",), updates=True),
}


def walk(protocol: Protocol, scenario: Scenario) -> Outcome:
    model = Model(protocol, scenario)
    outcome = explore(model.initial(), model.steps, holds)
    sys.stdout.write(f"{outcome.states} states, {outcome.transitions} transitions\n")
    sys.stdout.writelines(f"{step}\n" for step in outcome.trace)
    return outcome


@pytest.mark.parametrize(
    ("scenario", "states", "transitions"),
    [
        ("faulty redis", 60_356, 173_163),
        ("sound redis", 60_708, 173_579),
        ("lost commit", 49_563, 123_797),
        ("restored backup", 13_595, 30_184),
        ("deployment", 25_973, 73_703),
        ("if none match", 134_263, 369_102),
        ("at least", 69_895, 171_842),
        ("replica", 254_372, 882_779),
        ("changes", 64_244, 188_799),
        ("kinds of changes", 20_501, 44_240),
        ("changes, pruned log", 247_834, 778_662),
        ("changes, lost commit", 211_153, 577_262),
        ("changes, restored backup", 13_721, 30_692),
        ("changes, deployment", 9_635, 21_770),
    ],
)
def test_no_export_lacks_a_write_whatever_the_order_of_the_steps(
    scenario: str, states: int, transitions: int
) -> None:
    assert walk(AS_DESIGNED, SCENARIOS[scenario]) == Outcome(states, transitions, ())


LOG = AS_DESIGNED.change_log


def without(**safeguard: bool) -> Protocol:
    """The protocol without one of the log's safeguards, or several."""
    return AS_DESIGNED._replace(change_log=LOG._replace(**safeguard))


DELETES_INSTEAD = AS_DESIGNED._replace(looks_revision_up=False)


@pytest.mark.parametrize(
    ("scenario", "broken", "length"),
    [
        ("sound redis", DELETES_INSTEAD, 7),  # what a writer in plain SQL does to an application that deletes
        ("sound redis", DELETES_INSTEAD._replace(deletes_after_commit=True), 8),
        ("sound redis", DELETES_INSTEAD._replace(deletes_before_commit=True), 8),
        ("sound redis", DELETES_INSTEAD._replace(deletes_before_commit=True, deletes_after_commit=True), 9),
        ("sound redis", AS_DESIGNED._replace(one_snapshot=False), 10),
        ("sound redis", AS_DESIGNED._replace(stamped_when_read=False), 9),
        ("sound redis", AS_DESIGNED._replace(revision_counts=False), 10),
        ("sound redis", AS_DESIGNED._replace(flight_has_revision=False), 9),
        ("sound redis", AS_DESIGNED._replace(memory_is_validated=False), 8),
        ("lost commit", AS_DESIGNED._replace(compares_equality=False), 11),
        ("lost commit", AS_DESIGNED._replace(revision_has_digest=False), 11),
        ("restored backup", AS_DESIGNED._replace(revision_has_incarnation=False), 9),
        ("deployment", AS_DESIGNED._replace(entry_has_fingerprint=False), 9),
        ("if none match", AS_DESIGNED._replace(etag_has_fingerprint=False), 8),
        ("if none match", AS_DESIGNED._replace(etag_is_the_databases=False), 8),
        ("at least", AS_DESIGNED._replace(at_least_compares=False), 8),
        ("replica", AS_DESIGNED._replace(replica_stamps_itself=False), 6),
        ("replica", AS_DESIGNED._replace(replica_must_catch_up=False), 6),
        ("kinds of changes", without(logs_what_is_replaced=False), 9),
        ("kinds of changes", without(names_both_ends=False), 10),
        ("kinds of changes", without(context_is_compared=False), 10),
        ("changes, pruned log", without(is_proven=False), 11),
        ("changes, lost commit", without(proof_has_digest=False), 12),
        ("changes", without(has_positions=False, is_proven=False), 11),
        ("changes, restored backup", without(base_has_incarnation=False), 10),
        ("changes, deployment", without(base_has_fingerprint=False), 12),
    ],
)
def test_without_one_safeguard_an_export_lacks_a_write(scenario: str, broken: Protocol, length: int) -> None:
    assert len(walk(broken, SCENARIOS[scenario]).trace) == length


def test_without_positions_the_proof_alone_keeps_the_promise() -> None:
    outcome = walk(without(has_positions=False), SCENARIOS["changes"])

    assert outcome == Outcome(62_988, 185_050, ())


def test_a_token_alone_promises_nothing_where_a_database_loses_commits_within_an_incarnation() -> None:
    scenario = Scenario(3, ("strict", "at least"), (0, 0), events=("crash",))

    assert len(walk(AS_DESIGNED, scenario).trace) == 10
