"""Statements that nobody but the owner of the tables may run, or that are of no avail."""

DDL = (
    "CREATE TABLE mine ()",
    "CREATE VIEW mine AS SELECT * FROM patient",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE INDEX ON patient (birth_family)",
    "ALTER TABLE patient DISABLE TRIGGER USER",
    "ALTER TABLE patient ADD COLUMN mine text",
    "ALTER FUNCTION revision_insert_by_id() RESET ALL",
    "DROP TRIGGER patient_revision_insert ON patient",
    "DROP TABLE tombstone",
    "COMMENT ON TABLE patient IS 'mine'",
    "TRUNCATE patient CASCADE",
    "SET session_replication_role = replica",
    "CREATE TRIGGER mine AFTER INSERT ON patient EXECUTE FUNCTION note_deletion()",
)
TAMPERING = (
    "UPDATE revision_base SET n = n + 1",
    "DELETE FROM revision_delta",
    "DELETE FROM revision_log",
    "INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count) VALUES (1, 'venues', 1, '', 1)",
    "UPDATE database_incarnation SET id = 'mine'",
    "DELETE FROM tombstone",
    "UPDATE alembic_version SET version_num = '9999'",
    "DELETE FROM import_request",
    "DELETE FROM cache_audit",
    "SELECT setval('patient_id_seq', 1)",
    "SELECT nextval('revision_delta_id_seq')",
)
OF_ONES_OWN = {
    "revision_delta": "ej_id bigint, dataset text, nonce bigint, source text, row_count bigint",
    "tombstone": "ej_id bigint, table_name text, row_id bigint, deleted_at timestamptz,"
    " PRIMARY KEY (ej_id, table_name, row_id)",
}
"""Tables that have the names of ours, and take what ours take."""
