SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)
;;
ALTER TABLE revision_delta ADD COLUMN lo BIGINT
;;
COMMENT ON COLUMN revision_delta.lo IS 'The smallest id touched, of a patient or a venue; NULL where any may be. Not exported.'
;;
ALTER TABLE revision_delta ADD COLUMN hi BIGINT
;;
COMMENT ON COLUMN revision_delta.hi IS 'The largest id touched; less than lo where none is, but perhaps the structure. Not exported.'
;;
ALTER TABLE revision_delta ADD COLUMN ids BIGINT[]
;;
COMMENT ON COLUMN revision_delta.ids IS 'The ids touched, some perhaps twice; NULL where all from lo to hi may be. Not exported.'
;;
CREATE TABLE revision_log (
  ej_id BIGINT NOT NULL,
  dataset TEXT NOT NULL,
  n BIGINT NOT NULL,
  delta_id BIGINT,
  nonce BIGINT NOT NULL,
  lo BIGINT,
  hi BIGINT,
  ids BIGINT[],
  CONSTRAINT revision_log_pkey PRIMARY KEY (ej_id, dataset, n)
)
;;
COMMENT ON TABLE revision_log IS 'The last 100000 changes of each dataset of each EJ that revision_base counts, and which patients or venues they touched. Triggers and the server write it, nobody else.'
;;
COMMENT ON COLUMN revision_log.ej_id IS 'The EJ; 0 for what counts for every EJ. Not exported.'
;;
COMMENT ON COLUMN revision_log.dataset IS 'The dataset. Not exported.'
;;
COMMENT ON COLUMN revision_log.n IS 'The n of revision_base that counted the change. Not exported.'
;;
COMMENT ON COLUMN revision_log.delta_id IS 'The id that it had in revision_delta; NULL on SQLite. Not exported.'
;;
COMMENT ON COLUMN revision_log.nonce IS 'Its random number; on SQLite, the digest of revision_base after it. Not exported.'
;;
COMMENT ON COLUMN revision_log.lo IS 'The smallest id touched, of a patient or a venue; NULL where any may be. Not exported.'
;;
COMMENT ON COLUMN revision_log.hi IS 'The largest id touched; less than lo where none is, but perhaps the structure. Not exported.'
;;
COMMENT ON COLUMN revision_log.ids IS 'The ids touched, some perhaps twice; NULL where all from lo to hi may be. Not exported.'
;;
DROP TRIGGER ej_revision_insert ON ej
;;
DROP TRIGGER ej_revision_update ON ej
;;
DROP TRIGGER ej_revision_delete ON ej
;;
DROP TRIGGER ej_revision_truncate ON ej
;;
DROP TRIGGER namespace_revision_insert ON namespace
;;
DROP TRIGGER namespace_revision_update ON namespace
;;
DROP TRIGGER namespace_revision_delete ON namespace
;;
DROP TRIGGER namespace_revision_truncate ON namespace
;;
DROP TRIGGER org_unit_revision_insert ON org_unit
;;
DROP TRIGGER org_unit_revision_update ON org_unit
;;
DROP TRIGGER org_unit_revision_delete ON org_unit
;;
DROP TRIGGER org_unit_revision_truncate ON org_unit
;;
DROP TRIGGER org_member_revision_insert ON org_member
;;
DROP TRIGGER org_member_revision_update ON org_member
;;
DROP TRIGGER org_member_revision_delete ON org_member
;;
DROP TRIGGER org_member_revision_truncate ON org_member
;;
DROP TRIGGER place_revision_insert ON place
;;
DROP TRIGGER place_revision_update ON place
;;
DROP TRIGGER place_revision_delete ON place
;;
DROP TRIGGER place_revision_truncate ON place
;;
DROP TRIGGER patient_revision_insert ON patient
;;
DROP TRIGGER patient_revision_update ON patient
;;
DROP TRIGGER patient_revision_delete ON patient
;;
DROP TRIGGER patient_revision_truncate ON patient
;;
DROP TRIGGER patient_identifier_revision_insert ON patient_identifier
;;
DROP TRIGGER patient_identifier_revision_update ON patient_identifier
;;
DROP TRIGGER patient_identifier_revision_delete ON patient_identifier
;;
DROP TRIGGER patient_identifier_revision_truncate ON patient_identifier
;;
DROP TRIGGER patient_contact_revision_insert ON patient_contact
;;
DROP TRIGGER patient_contact_revision_update ON patient_contact
;;
DROP TRIGGER patient_contact_revision_delete ON patient_contact
;;
DROP TRIGGER patient_contact_revision_truncate ON patient_contact
;;
DROP TRIGGER venue_revision_insert ON venue
;;
DROP TRIGGER venue_revision_update ON venue
;;
DROP TRIGGER venue_revision_delete ON venue
;;
DROP TRIGGER venue_revision_truncate ON venue
;;
DROP TRIGGER movement_revision_insert ON movement
;;
DROP TRIGGER movement_revision_update ON movement
;;
DROP TRIGGER movement_revision_delete ON movement
;;
DROP TRIGGER movement_revision_truncate ON movement
;;
DROP FUNCTION revision_insert()
;;
DROP FUNCTION revision_insert_ej()
;;
DROP FUNCTION revision_update()
;;
DROP FUNCTION revision_update_ej()
;;
DROP FUNCTION revision_delete()
;;
DROP FUNCTION revision_delete_ej()
;;
DROP FUNCTION revision_truncate()
;;
CREATE FUNCTION revision_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT 0, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, 0, NULL, NULL, NULL
    FROM unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_truncate() FROM PUBLIC
;;
CREATE OR REPLACE FUNCTION note_deletion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    SELECT ej_id, TG_TABLE_NAME, id, now() FROM old_rows
    ON CONFLICT (ej_id, table_name, row_id) DO UPDATE SET deleted_at = excluded.deleted_at;
  RETURN NULL;
END $$
;;
CREATE FUNCTION note_replicated_deletion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    VALUES (OLD.ej_id, TG_TABLE_NAME, OLD.id, now())
    ON CONFLICT (ej_id, table_name, row_id) DO UPDATE SET deleted_at = excluded.deleted_at;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION note_replicated_deletion() FROM PUBLIC
;;
CREATE OR REPLACE FUNCTION keep_updated_at() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at THEN
    NEW.updated_at := now();
  END IF;
  RETURN NEW;
END $$
;;
CREATE FUNCTION revision_insert_by_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, count(*) AS row_count,
        min(id) AS lo, max(id) AS hi,
        CASE WHEN min(id) <> max(id) AND count(*) <= 1000
          THEN array_agg(id) FILTER (WHERE NOT EXISTS (SELECT FROM new_rows OFFSET 10000)) END AS ids
      FROM new_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_insert_by_id() FROM PUBLIC
;;
CREATE FUNCTION revision_update_by_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, greatest(count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new)) AS row_count,
        min(id) AS lo, max(id) AS hi,
        CASE WHEN min(id) <> max(id) AND count(*) <= 2000
          THEN array_agg(id) FILTER (WHERE NOT EXISTS (SELECT FROM new_rows OFFSET 10000)) END AS ids
      FROM (
        SELECT ej_id AS ej_id, id AS id, false AS is_new FROM old_rows
        UNION ALL SELECT ej_id AS ej_id, id AS id, true FROM new_rows) AS both_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_update_by_id() FROM PUBLIC
;;
CREATE FUNCTION revision_delete_by_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, count(*) AS row_count,
        min(id) AS lo, max(id) AS hi,
        CASE WHEN min(id) <> max(id) AND count(*) <= 1000
          THEN array_agg(id) FILTER (WHERE NOT EXISTS (SELECT FROM old_rows OFFSET 10000)) END AS ids
      FROM old_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_delete_by_id() FROM PUBLIC
;;
CREATE FUNCTION revision_replicated_by_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, 1,
      min(id), max(id), CASE WHEN min(id) <> max(id) THEN array_agg(id) END
    FROM (
      SELECT OLD.ej_id, OLD.id WHERE TG_OP <> 'INSERT'
      UNION ALL SELECT NEW.ej_id, NEW.id WHERE TG_OP <> 'DELETE') AS changed (ej_id, id)
    CROSS JOIN unnest(TG_ARGV) AS dataset GROUP BY ej_id, dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_replicated_by_id() FROM PUBLIC
;;
CREATE FUNCTION revision_insert_by_patient_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, count(*) AS row_count,
        min(patient_id) AS lo, max(patient_id) AS hi,
        CASE WHEN min(patient_id) <> max(patient_id) AND count(*) <= 1000
          THEN array_agg(patient_id) FILTER (WHERE NOT EXISTS (SELECT FROM new_rows OFFSET 10000)) END AS ids
      FROM new_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_insert_by_patient_id() FROM PUBLIC
;;
CREATE FUNCTION revision_update_by_patient_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, greatest(count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new)) AS row_count,
        min(id) AS lo, max(id) AS hi,
        CASE WHEN min(id) <> max(id) AND count(*) <= 2000
          THEN array_agg(id) FILTER (WHERE NOT EXISTS (SELECT FROM new_rows OFFSET 10000)) END AS ids
      FROM (
        SELECT ej_id AS ej_id, patient_id AS id, false AS is_new FROM old_rows
        UNION ALL SELECT ej_id AS ej_id, patient_id AS id, true FROM new_rows) AS both_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_update_by_patient_id() FROM PUBLIC
;;
CREATE FUNCTION revision_delete_by_patient_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, count(*) AS row_count,
        min(patient_id) AS lo, max(patient_id) AS hi,
        CASE WHEN min(patient_id) <> max(patient_id) AND count(*) <= 1000
          THEN array_agg(patient_id) FILTER (WHERE NOT EXISTS (SELECT FROM old_rows OFFSET 10000)) END AS ids
      FROM old_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_delete_by_patient_id() FROM PUBLIC
;;
CREATE FUNCTION revision_replicated_by_patient_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, 1,
      min(id), max(id), CASE WHEN min(id) <> max(id) THEN array_agg(id) END
    FROM (
      SELECT OLD.ej_id, OLD.patient_id WHERE TG_OP <> 'INSERT'
      UNION ALL SELECT NEW.ej_id, NEW.patient_id WHERE TG_OP <> 'DELETE') AS changed (ej_id, id)
    CROSS JOIN unnest(TG_ARGV) AS dataset GROUP BY ej_id, dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_replicated_by_patient_id() FROM PUBLIC
;;
CREATE FUNCTION revision_insert_by_venue_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, count(*) AS row_count,
        min(venue_id) AS lo, max(venue_id) AS hi,
        CASE WHEN min(venue_id) <> max(venue_id) AND count(*) <= 1000
          THEN array_agg(venue_id) FILTER (WHERE NOT EXISTS (SELECT FROM new_rows OFFSET 10000)) END AS ids
      FROM new_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_insert_by_venue_id() FROM PUBLIC
;;
CREATE FUNCTION revision_update_by_venue_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, greatest(count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new)) AS row_count,
        min(id) AS lo, max(id) AS hi,
        CASE WHEN min(id) <> max(id) AND count(*) <= 2000
          THEN array_agg(id) FILTER (WHERE NOT EXISTS (SELECT FROM new_rows OFFSET 10000)) END AS ids
      FROM (
        SELECT ej_id AS ej_id, venue_id AS id, false AS is_new FROM old_rows
        UNION ALL SELECT ej_id AS ej_id, venue_id AS id, true FROM new_rows) AS both_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_update_by_venue_id() FROM PUBLIC
;;
CREATE FUNCTION revision_delete_by_venue_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      changed.lo, changed.hi, changed.ids
    FROM (
      SELECT ej_id AS ej_id, count(*) AS row_count,
        min(venue_id) AS lo, max(venue_id) AS hi,
        CASE WHEN min(venue_id) <> max(venue_id) AND count(*) <= 1000
          THEN array_agg(venue_id) FILTER (WHERE NOT EXISTS (SELECT FROM old_rows OFFSET 10000)) END AS ids
      FROM old_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_delete_by_venue_id() FROM PUBLIC
;;
CREATE FUNCTION revision_replicated_by_venue_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, 1,
      min(id), max(id), CASE WHEN min(id) <> max(id) THEN array_agg(id) END
    FROM (
      SELECT OLD.ej_id, OLD.venue_id WHERE TG_OP <> 'INSERT'
      UNION ALL SELECT NEW.ej_id, NEW.venue_id WHERE TG_OP <> 'DELETE') AS changed (ej_id, id)
    CROSS JOIN unnest(TG_ARGV) AS dataset GROUP BY ej_id, dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_replicated_by_venue_id() FROM PUBLIC
;;
CREATE FUNCTION revision_insert_of_ej() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL
    FROM (
      SELECT id AS ej_id, count(*) AS row_count
      FROM new_rows GROUP BY id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_insert_of_ej() FROM PUBLIC
;;
CREATE FUNCTION revision_update_of_ej() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL
    FROM (
      SELECT ej_id AS ej_id, greatest(count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new)) AS row_count
      FROM (
        SELECT id AS ej_id, false AS is_new FROM old_rows
        UNION ALL SELECT id AS ej_id, true FROM new_rows) AS both_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_update_of_ej() FROM PUBLIC
;;
CREATE FUNCTION revision_delete_of_ej() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL
    FROM (
      SELECT id AS ej_id, count(*) AS row_count
      FROM old_rows GROUP BY id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_delete_of_ej() FROM PUBLIC
;;
CREATE FUNCTION revision_replicated_of_ej() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, 1,
      CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL
    FROM (
      SELECT OLD.id, OLD.id WHERE TG_OP <> 'INSERT'
      UNION ALL SELECT NEW.id, NEW.id WHERE TG_OP <> 'DELETE') AS changed (ej_id, id)
    CROSS JOIN unnest(TG_ARGV) AS dataset GROUP BY ej_id, dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_replicated_of_ej() FROM PUBLIC
;;
CREATE FUNCTION revision_insert_of_context() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL
    FROM (
      SELECT ej_id AS ej_id, count(*) AS row_count
      FROM new_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_insert_of_context() FROM PUBLIC
;;
CREATE FUNCTION revision_update_of_context() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL
    FROM (
      SELECT ej_id AS ej_id, greatest(count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new)) AS row_count
      FROM (
        SELECT ej_id AS ej_id, false AS is_new FROM old_rows
        UNION ALL SELECT ej_id AS ej_id, true FROM new_rows) AS both_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_update_of_context() FROM PUBLIC
;;
CREATE FUNCTION revision_delete_of_context() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT changed.ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, changed.row_count,
      CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL
    FROM (
      SELECT ej_id AS ej_id, count(*) AS row_count
      FROM old_rows GROUP BY ej_id) AS changed
    CROSS JOIN unnest(TG_ARGV) AS dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_delete_of_context() FROM PUBLIC
;;
CREATE FUNCTION revision_replicated_of_context() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO revision_delta (ej_id, dataset, nonce, source, row_count, lo, hi, ids)
    SELECT ej_id, dataset, hashtextextended(gen_random_uuid()::text, 0), TG_TABLE_NAME, 1,
      CASE WHEN dataset <> 'structure' THEN 1 END, CASE WHEN dataset <> 'structure' THEN 0 END, NULL
    FROM (
      SELECT OLD.ej_id, OLD.ej_id WHERE TG_OP <> 'INSERT'
      UNION ALL SELECT NEW.ej_id, NEW.ej_id WHERE TG_OP <> 'DELETE') AS changed (ej_id, id)
    CROSS JOIN unnest(TG_ARGV) AS dataset GROUP BY ej_id, dataset;
  RETURN NULL;
END $$
;;
REVOKE EXECUTE ON FUNCTION revision_replicated_of_context() FROM PUBLIC
;;
CREATE TRIGGER ej_revision_insert AFTER INSERT ON ej REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_of_ej('structure', 'patients', 'venues')
;;
ALTER TABLE ej ENABLE ALWAYS TRIGGER ej_revision_insert
;;
CREATE TRIGGER ej_revision_update AFTER UPDATE ON ej REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_of_ej('structure', 'patients', 'venues')
;;
ALTER TABLE ej ENABLE ALWAYS TRIGGER ej_revision_update
;;
CREATE TRIGGER ej_revision_delete AFTER DELETE ON ej REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_of_ej('structure', 'patients', 'venues')
;;
ALTER TABLE ej ENABLE ALWAYS TRIGGER ej_revision_delete
;;
CREATE TRIGGER ej_revision_truncate AFTER TRUNCATE ON ej
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('structure', 'patients', 'venues')
;;
ALTER TABLE ej ENABLE ALWAYS TRIGGER ej_revision_truncate
;;
CREATE TRIGGER ej_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON ej
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_of_ej('structure', 'patients', 'venues')
;;
ALTER TABLE ej ENABLE REPLICA TRIGGER ej_revision_replicated
;;
CREATE TRIGGER namespace_revision_insert AFTER INSERT ON namespace REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_of_context('structure', 'venues')
;;
ALTER TABLE namespace ENABLE ALWAYS TRIGGER namespace_revision_insert
;;
CREATE TRIGGER namespace_revision_update AFTER UPDATE ON namespace REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_of_context('structure', 'venues')
;;
ALTER TABLE namespace ENABLE ALWAYS TRIGGER namespace_revision_update
;;
CREATE TRIGGER namespace_revision_delete AFTER DELETE ON namespace REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_of_context('structure', 'venues')
;;
ALTER TABLE namespace ENABLE ALWAYS TRIGGER namespace_revision_delete
;;
CREATE TRIGGER namespace_revision_truncate AFTER TRUNCATE ON namespace
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('structure', 'venues')
;;
ALTER TABLE namespace ENABLE ALWAYS TRIGGER namespace_revision_truncate
;;
CREATE TRIGGER namespace_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON namespace
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_of_context('structure', 'venues')
;;
ALTER TABLE namespace ENABLE REPLICA TRIGGER namespace_revision_replicated
;;
CREATE TRIGGER org_unit_revision_insert AFTER INSERT ON org_unit REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_of_context('structure', 'venues')
;;
ALTER TABLE org_unit ENABLE ALWAYS TRIGGER org_unit_revision_insert
;;
CREATE TRIGGER org_unit_revision_update AFTER UPDATE ON org_unit REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_of_context('structure', 'venues')
;;
ALTER TABLE org_unit ENABLE ALWAYS TRIGGER org_unit_revision_update
;;
CREATE TRIGGER org_unit_revision_delete AFTER DELETE ON org_unit REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_of_context('structure', 'venues')
;;
ALTER TABLE org_unit ENABLE ALWAYS TRIGGER org_unit_revision_delete
;;
CREATE TRIGGER org_unit_revision_truncate AFTER TRUNCATE ON org_unit
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('structure', 'venues')
;;
ALTER TABLE org_unit ENABLE ALWAYS TRIGGER org_unit_revision_truncate
;;
CREATE TRIGGER org_unit_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON org_unit
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_of_context('structure', 'venues')
;;
ALTER TABLE org_unit ENABLE REPLICA TRIGGER org_unit_revision_replicated
;;
CREATE TRIGGER org_member_revision_insert AFTER INSERT ON org_member REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_of_context('structure')
;;
ALTER TABLE org_member ENABLE ALWAYS TRIGGER org_member_revision_insert
;;
CREATE TRIGGER org_member_revision_update AFTER UPDATE ON org_member REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_of_context('structure')
;;
ALTER TABLE org_member ENABLE ALWAYS TRIGGER org_member_revision_update
;;
CREATE TRIGGER org_member_revision_delete AFTER DELETE ON org_member REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_of_context('structure')
;;
ALTER TABLE org_member ENABLE ALWAYS TRIGGER org_member_revision_delete
;;
CREATE TRIGGER org_member_revision_truncate AFTER TRUNCATE ON org_member
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('structure')
;;
ALTER TABLE org_member ENABLE ALWAYS TRIGGER org_member_revision_truncate
;;
CREATE TRIGGER org_member_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON org_member
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_of_context('structure')
;;
ALTER TABLE org_member ENABLE REPLICA TRIGGER org_member_revision_replicated
;;
CREATE TRIGGER place_revision_insert AFTER INSERT ON place REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_of_context('structure', 'venues')
;;
ALTER TABLE place ENABLE ALWAYS TRIGGER place_revision_insert
;;
CREATE TRIGGER place_revision_update AFTER UPDATE ON place REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_of_context('structure', 'venues')
;;
ALTER TABLE place ENABLE ALWAYS TRIGGER place_revision_update
;;
CREATE TRIGGER place_revision_delete AFTER DELETE ON place REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_of_context('structure', 'venues')
;;
ALTER TABLE place ENABLE ALWAYS TRIGGER place_revision_delete
;;
CREATE TRIGGER place_revision_truncate AFTER TRUNCATE ON place
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('structure', 'venues')
;;
ALTER TABLE place ENABLE ALWAYS TRIGGER place_revision_truncate
;;
CREATE TRIGGER place_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON place
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_of_context('structure', 'venues')
;;
ALTER TABLE place ENABLE REPLICA TRIGGER place_revision_replicated
;;
CREATE TRIGGER patient_revision_insert AFTER INSERT ON patient REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_by_id('patients')
;;
ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_insert
;;
CREATE TRIGGER patient_revision_update AFTER UPDATE ON patient REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_by_id('patients')
;;
ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_update
;;
CREATE TRIGGER patient_revision_delete AFTER DELETE ON patient REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_by_id('patients')
;;
ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_delete
;;
CREATE TRIGGER patient_revision_truncate AFTER TRUNCATE ON patient
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('patients')
;;
ALTER TABLE patient ENABLE ALWAYS TRIGGER patient_revision_truncate
;;
CREATE TRIGGER patient_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON patient
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_by_id('patients')
;;
ALTER TABLE patient ENABLE REPLICA TRIGGER patient_revision_replicated
;;
CREATE TRIGGER patient_identifier_revision_insert AFTER INSERT ON patient_identifier REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_by_patient_id('patients')
;;
ALTER TABLE patient_identifier ENABLE ALWAYS TRIGGER patient_identifier_revision_insert
;;
CREATE TRIGGER patient_identifier_revision_update AFTER UPDATE ON patient_identifier REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_by_patient_id('patients')
;;
ALTER TABLE patient_identifier ENABLE ALWAYS TRIGGER patient_identifier_revision_update
;;
CREATE TRIGGER patient_identifier_revision_delete AFTER DELETE ON patient_identifier REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_by_patient_id('patients')
;;
ALTER TABLE patient_identifier ENABLE ALWAYS TRIGGER patient_identifier_revision_delete
;;
CREATE TRIGGER patient_identifier_revision_truncate AFTER TRUNCATE ON patient_identifier
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('patients')
;;
ALTER TABLE patient_identifier ENABLE ALWAYS TRIGGER patient_identifier_revision_truncate
;;
CREATE TRIGGER patient_identifier_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON patient_identifier
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_by_patient_id('patients')
;;
ALTER TABLE patient_identifier ENABLE REPLICA TRIGGER patient_identifier_revision_replicated
;;
CREATE TRIGGER patient_contact_revision_insert AFTER INSERT ON patient_contact REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_by_patient_id('patients')
;;
ALTER TABLE patient_contact ENABLE ALWAYS TRIGGER patient_contact_revision_insert
;;
CREATE TRIGGER patient_contact_revision_update AFTER UPDATE ON patient_contact REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_by_patient_id('patients')
;;
ALTER TABLE patient_contact ENABLE ALWAYS TRIGGER patient_contact_revision_update
;;
CREATE TRIGGER patient_contact_revision_delete AFTER DELETE ON patient_contact REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_by_patient_id('patients')
;;
ALTER TABLE patient_contact ENABLE ALWAYS TRIGGER patient_contact_revision_delete
;;
CREATE TRIGGER patient_contact_revision_truncate AFTER TRUNCATE ON patient_contact
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('patients')
;;
ALTER TABLE patient_contact ENABLE ALWAYS TRIGGER patient_contact_revision_truncate
;;
CREATE TRIGGER patient_contact_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON patient_contact
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_by_patient_id('patients')
;;
ALTER TABLE patient_contact ENABLE REPLICA TRIGGER patient_contact_revision_replicated
;;
CREATE TRIGGER venue_revision_insert AFTER INSERT ON venue REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_by_id('venues')
;;
ALTER TABLE venue ENABLE ALWAYS TRIGGER venue_revision_insert
;;
CREATE TRIGGER venue_revision_update AFTER UPDATE ON venue REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_by_id('venues')
;;
ALTER TABLE venue ENABLE ALWAYS TRIGGER venue_revision_update
;;
CREATE TRIGGER venue_revision_delete AFTER DELETE ON venue REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_by_id('venues')
;;
ALTER TABLE venue ENABLE ALWAYS TRIGGER venue_revision_delete
;;
CREATE TRIGGER venue_revision_truncate AFTER TRUNCATE ON venue
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('venues')
;;
ALTER TABLE venue ENABLE ALWAYS TRIGGER venue_revision_truncate
;;
CREATE TRIGGER venue_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON venue
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_by_id('venues')
;;
ALTER TABLE venue ENABLE REPLICA TRIGGER venue_revision_replicated
;;
CREATE TRIGGER movement_revision_insert AFTER INSERT ON movement REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_insert_by_venue_id('venues')
;;
ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_revision_insert
;;
CREATE TRIGGER movement_revision_update AFTER UPDATE ON movement REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_update_by_venue_id('venues')
;;
ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_revision_update
;;
CREATE TRIGGER movement_revision_delete AFTER DELETE ON movement REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION revision_delete_by_venue_id('venues')
;;
ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_revision_delete
;;
CREATE TRIGGER movement_revision_truncate AFTER TRUNCATE ON movement
  FOR EACH STATEMENT EXECUTE FUNCTION revision_truncate('venues')
;;
ALTER TABLE movement ENABLE ALWAYS TRIGGER movement_revision_truncate
;;
CREATE TRIGGER movement_revision_replicated AFTER INSERT OR UPDATE OR DELETE ON movement
  FOR EACH ROW EXECUTE FUNCTION revision_replicated_by_venue_id('venues')
;;
ALTER TABLE movement ENABLE REPLICA TRIGGER movement_revision_replicated
;;
CREATE TRIGGER org_unit_tombstone_replicated AFTER DELETE ON org_unit
  FOR EACH ROW EXECUTE FUNCTION note_replicated_deletion()
;;
ALTER TABLE org_unit ENABLE REPLICA TRIGGER org_unit_tombstone_replicated
;;
CREATE TRIGGER place_tombstone_replicated AFTER DELETE ON place
  FOR EACH ROW EXECUTE FUNCTION note_replicated_deletion()
;;
ALTER TABLE place ENABLE REPLICA TRIGGER place_tombstone_replicated
;;
CREATE TRIGGER patient_tombstone_replicated AFTER DELETE ON patient
  FOR EACH ROW EXECUTE FUNCTION note_replicated_deletion()
;;
ALTER TABLE patient ENABLE REPLICA TRIGGER patient_tombstone_replicated
;;
CREATE TRIGGER venue_tombstone_replicated AFTER DELETE ON venue
  FOR EACH ROW EXECUTE FUNCTION note_replicated_deletion()
;;
ALTER TABLE venue ENABLE REPLICA TRIGGER venue_tombstone_replicated
;;
CREATE TRIGGER movement_tombstone_replicated AFTER DELETE ON movement
  FOR EACH ROW EXECUTE FUNCTION note_replicated_deletion()
;;
ALTER TABLE movement ENABLE REPLICA TRIGGER movement_tombstone_replicated
