"""The safeguards of look-ups in the event loop, and of answers that are kept whole."""

from verification.mutants.mutant import Mutant

LOOK_UPS = "fhirexport_server/store/loop_lookups/"
OFF = "tests/store/test_loop_lookups.py::test_where_changes_would_go_unnoticed_it_says_nothing"

OF_LOOK_UPS = (
    Mutant(
        "an answer that was kept whole is given for another rendering",
        "fhirexport_server/cache/ready_answers.py",
        "if kept is None or kept[0] is not description:",
        "if kept is None:",
        "tests/cache/test_ready_answers.py",
    ),
    Mutant(
        "a look-up joins one that was sent before it",
        f"{LOOK_UPS}postgresql_lookup.py",
        "self._waiting[export].append(future)",
        "(self._out if export in self._out else self._waiting)[export].append(future)",
        "tests/store/test_postgresql_lookup.py::test_a_look_up_never_joins_one_that_was_sent_before_it",
    ),
    Mutant(
        "a look-up asks the former primary on after a failover",
        f"{LOOK_UPS}postgresql_lookup.py",
        "if self._wire is not None and self._pool is not self._engine.pool:",
        "if False:",
        "tests/store/test_postgresql_lookup.py"
        "::test_once_the_connections_of_the_pool_are_closed_its_own_is_not_used_either",
    ),
    Mutant(
        "a look-up in the loop of PostgreSQL is believed where triggers are off",
        f"{LOOK_UPS}postgresql_lookup.py",
        "look is not None and self._known[export.dataset].holds(look)",
        "look is not None",
        OFF,
    ),
    Mutant(
        "a look-up in the loop of SQLite is believed where triggers are off",
        f"{LOOK_UPS}sqlite_lookup.py",
        "return look if known.holds(look) else None",
        "return look",
        OFF,
    ),
    Mutant(
        "a look-up in the loop reads a SQLite file on that was replaced",
        f"{LOOK_UPS}sqlite_lookup.py",
        "if sqlite_files.identity(self._path) != opened.identity:",
        "if False:",
        "tests/store/test_sqlite_lookup.py::test_a_file_that_took_the_place_of_another_is_not_taken_for_it",
    ),
    Mutant(
        "batched look-ups leave out what counts for every EJ",
        "fhirexport_server/store/guard/statements.py",
        "ej_id IN ({EVERY_EJ}, wanted.id)",
        "ej_id IN (wanted.id)",
        "tests/store/test_loop_lookups.py::test_what_counts_for_every_ej_counts_here",
    ),
    Mutant(
        "the look-up for watches leaves out what counts for every EJ",
        "fhirexport_server/store/guard/statements.py",
        "ej_id IN ({EVERY_EJ}, {ej_ids})",
        "ej_id IN ({ej_ids})",
        "tests/store/test_lookup.py::test_what_counts_for_every_ej_counts_here",
    ),
)
