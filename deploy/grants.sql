-- Rights on a database of fhirexport on PostgreSQL, for three roles that nobody logs in with:
--
--   fhirexport_reader  reads the data with plain SQL, or serves exports alone
--   fhirexport_writer  other software that reads and writes the data with plain SQL
--   fhirexport_server  `fhirexport-server serve`: exports, imports, the cache's audit, the upkeep of revisions
--
-- Run it as the owner of the tables, who may create roles, or with the three roles made beforehand; again after each
-- `fhirexport-server migrate`, for the tables that are new:
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f deploy/grants.sql
--
-- Then a login is given a role: CREATE ROLE his LOGIN PASSWORD '...' IN ROLE fhirexport_writer;
--
-- None of them may alter tables, triggers or functions. The triggers that move revisions and note deletions run with
-- the rights of their owner: who writes the data needs no right on the tables that they write to, and gets none.

BEGIN;

DO $$
DECLARE
  role text;
  schema text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'database_incarnation'::regclass);
BEGIN
  FOREACH role IN ARRAY ARRAY['fhirexport_reader', 'fhirexport_writer', 'fhirexport_server'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', schema, role);
  END LOOP;
  -- Before PostgreSQL 15, everybody might make tables and functions there.
  EXECUTE format('REVOKE CREATE ON SCHEMA %s FROM PUBLIC', schema);
  -- Imports stage their rows in temporary tables.
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO fhirexport_server', current_database());
END $$;

-- The data.
GRANT SELECT ON
  ej, namespace, org_unit, org_member, place, patient, patient_identifier, patient_contact, venue, movement
  TO fhirexport_reader, fhirexport_writer, fhirexport_server;
GRANT INSERT, UPDATE, DELETE ON
  ej, namespace, org_unit, org_member, place, patient, patient_identifier, patient_contact, venue, movement
  TO fhirexport_writer, fhirexport_server;

-- What a row is given as its id needs no right; to ask for one beforehand does. The server also moves the sequences past
-- the ids that an import brings.
GRANT USAGE ON SEQUENCE ej_id_seq, org_unit_id_seq, place_id_seq, patient_id_seq, venue_id_seq, movement_id_seq
  TO fhirexport_writer, fhirexport_server;
GRANT UPDATE ON SEQUENCE ej_id_seq, org_unit_id_seq, place_id_seq, patient_id_seq, venue_id_seq, movement_id_seq
  TO fhirexport_server;

-- What was deleted, by the triggers.
GRANT SELECT ON tombstone TO fhirexport_reader, fhirexport_writer;

-- How far the data has come, and which schema it is: whoever serves exports reads it. The server keeps it small, and
-- moves it when somebody invalidates the cache.
GRANT SELECT ON alembic_version, database_incarnation, revision_base, revision_delta, revision_log
  TO fhirexport_reader, fhirexport_server;
GRANT INSERT, UPDATE ON revision_base TO fhirexport_server;
GRANT INSERT, UPDATE, DELETE ON revision_delta, revision_log TO fhirexport_server;

-- What imports were answered with, and who invalidated what.
GRANT SELECT, INSERT, UPDATE, DELETE ON import_request TO fhirexport_server;
GRANT INSERT ON cache_audit TO fhirexport_server;

COMMIT;
