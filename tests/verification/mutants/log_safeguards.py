"""The safeguards of the log of changes, and of what is brought up to date by it."""

from verification.mutants.mutant import Mutant

PRODUCING = "fhirexport_server/exports/producing/"
FORMATS = "fhirexport_server/formats/"
LOGS = "fhirexport_server/store/change_log/"
SCHEMA = "fhirexport_server/store/schema/"
CHANGED = "tests/exports/test_changed_exports.py"
SPLICED = "tests/formats/test_splicing.py"
NAMED = "tests/store/test_changes.py::test_the_log_names_what_a_statement_changes"
PRUNED = f"{CHANGED}::test_a_log_that_was_pruned_proves_nothing"
REPLACED = "tests/store/test_replaced.py::test_what_replace_deletes_is_named"

OF_THE_LOG = (
    # What is logged.
    Mutant(
        "PostgreSQL logs only where a row moves to, in another EJ too",
        f"{SCHEMA}triggers/postgresql_functions.py",
        "false AS is_new FROM old_rows",
        "false AS is_new FROM old_rows WHERE false",
        NAMED,
        is_of_schema=True,
    ),
    Mutant(
        "PostgreSQL names only the new ids of rows where some stay in their EJ",
        f"{SCHEMA}triggers/postgresql_functions.py",
        "false AS is_new FROM old_rows",
        "false AS is_new FROM old_rows WHERE {ej} NOT IN (SELECT {ej} FROM new_rows)",
        NAMED,
        is_of_schema=True,
    ),
    Mutant(
        "logical replication logs only where a row moves to",
        f"{SCHEMA}triggers/postgresql_functions.py",
        "SELECT OLD.{ej}, OLD.{key} WHERE TG_OP <> 'INSERT'",
        "SELECT OLD.{ej}, OLD.{key} WHERE TG_OP = 'DELETE'",
        "tests/store/test_replication.py::test_what_a_subscription_writes_is_named",
        is_of_schema=True,
    ),
    Mutant(
        "SQLite logs only where a row moves to, in another EJ too",
        f"{SCHEMA}triggers/sqlite_triggers.py",
        '"UPDATE": ("OLD", "NEW"),',
        '"UPDATE": ("NEW",),',
        NAMED,
        is_of_schema=True,
    ),
    Mutant(
        "SQLite names only the new id of a row that stays in its EJ",
        f"{SCHEMA}triggers/sqlite_triggers.py",
        'return f"min({old}, {new}), max({old}, {new}), iif(',
        'return f"{new}, {new}, iif(0 AND ',
        NAMED,
        is_of_schema=True,
    ),
    Mutant(
        "REPLACE is looked out for by the primary key alone",
        f"{SCHEMA}triggers/unique_keys.py",
        'f"({_equal(table, key, alias)})" for key in unique_keys(table)',
        'f"({_equal(table, key, alias)})" for key in list(unique_keys(table))[:1]',
        REPLACED,
        is_of_schema=True,
    ),
    Mutant(
        "REPLACE is not looked out for by the number beside the columns",
        f"{SCHEMA}triggers/unique_keys.py",
        'keys.append(UniqueKey(("rowid",)))',
        "pass",
        REPLACED,
        is_of_schema=True,
    ),
    Mutant(
        "one change is like another after setseed()",
        f"{SCHEMA}revisions.py",
        "hashtextextended(gen_random_uuid()::text, 0)",
        "hashtextextended(random()::text, 0)",
        "tests/store/test_revisions.py::test_setseed_does_not_make_changes_alike",
        is_of_schema=True,
    ),
    # What is believed of it.
    Mutant(
        "PostgreSQL's log is believed although it was pruned",
        f"{LOGS}postgresql_log.py",
        "if count != now.n - since.n or int(nonces) != now.digest - since.digest:",
        "if False:",
        PRUNED,
    ),
    Mutant(
        "as many rows of PostgreSQL's log are believed, whichever they are",
        f"{LOGS}postgresql_log.py",
        " or int(nonces) != now.digest - since.digest:",
        ":",
        "tests/store/test_change_proof.py::test_history_that_was_undone_proves_nothing",
    ),
    Mutant(
        "SQLite's log is believed although it was pruned",
        f"{LOGS}sqlite_log.py",
        "return chain if is_whole else ()",
        "return chain or [()]",
        PRUNED,
    ),
    Mutant(
        "as many rows of SQLite's log are believed, whichever they are",
        f"{LOGS}sqlite_log.py",
        "            and _Link(*chain[0][:2]) == first\n",
        "",
        "tests/store/test_change_proof.py::test_history_that_was_undone_proves_nothing",
    ),
    # What is done with it.
    Mutant(
        "a rendering of another shape is brought up to date",
        f"{PRODUCING}bases.py",
        " and etags.shape(candidate.etag) == shape",
        "",
        "tests/exports/test_bases.py",
    ),
    Mutant(
        "a rendering is brought up to date in another context",
        f"{PRODUCING}changed_rendering.py",
        "if not context_text.covers(shared, before):",
        "if False:",
        f"{CHANGED}::test_what_all_resources_share_is_compared",
    ),
    Mutant(
        "segments that deletions have left small are not joined",
        f"{FORMATS}splicing.py",
        "for block in self._fewer:",
        "for block in self._fewer[:0]:",
        SPLICED,
    ),
    Mutant(
        "what has become the first segment is not written anew",
        f"{FORMATS}splicing.py",
        "        self._mend_first(segments)\n",
        "",
        SPLICED,
    ),
    Mutant(
        "a segment is taken apart although its text is another",
        f"{FORMATS}segment_text.py",
        "if hashed.digest() != segment.digest or ",
        "if ",
        "tests/formats/test_segment_text.py",
    ),
)
