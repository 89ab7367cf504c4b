ALTER TABLE revision_delta ADD COLUMN lo INTEGER
;;
ALTER TABLE revision_delta ADD COLUMN hi INTEGER
;;
ALTER TABLE revision_delta ADD COLUMN ids TEXT
;;
CREATE TABLE revision_log (
  ej_id INTEGER NOT NULL,
  dataset TEXT NOT NULL,
  n INTEGER NOT NULL,
  delta_id INTEGER,
  nonce INTEGER NOT NULL,
  lo INTEGER,
  hi INTEGER,
  ids TEXT,
  CONSTRAINT revision_log_pkey PRIMARY KEY (ej_id, dataset, n)
)
 WITHOUT ROWID,
 STRICT
;;
DROP TRIGGER ej_revision_rows
;;
DROP TRIGGER ej_revision_insert
;;
DROP TRIGGER ej_revision_update
;;
DROP TRIGGER ej_revision_delete
;;
DROP TRIGGER ej_revision_before_insert
;;
DROP TRIGGER ej_revision_before_update
;;
DROP TRIGGER namespace_revision_insert
;;
DROP TRIGGER namespace_revision_update
;;
DROP TRIGGER namespace_revision_delete
;;
DROP TRIGGER org_unit_revision_insert
;;
DROP TRIGGER org_unit_revision_update
;;
DROP TRIGGER org_unit_revision_delete
;;
DROP TRIGGER org_unit_revision_before_insert
;;
DROP TRIGGER org_unit_revision_before_update
;;
DROP TRIGGER org_member_revision_insert
;;
DROP TRIGGER org_member_revision_update
;;
DROP TRIGGER org_member_revision_delete
;;
DROP TRIGGER place_revision_insert
;;
DROP TRIGGER place_revision_update
;;
DROP TRIGGER place_revision_delete
;;
DROP TRIGGER place_revision_before_insert
;;
DROP TRIGGER place_revision_before_update
;;
DROP TRIGGER patient_revision_insert
;;
DROP TRIGGER patient_revision_update
;;
DROP TRIGGER patient_revision_delete
;;
DROP TRIGGER patient_revision_before_insert
;;
DROP TRIGGER patient_revision_before_update
;;
DROP TRIGGER patient_identifier_revision_insert
;;
DROP TRIGGER patient_identifier_revision_update
;;
DROP TRIGGER patient_identifier_revision_delete
;;
DROP TRIGGER patient_contact_revision_insert
;;
DROP TRIGGER patient_contact_revision_update
;;
DROP TRIGGER patient_contact_revision_delete
;;
DROP TRIGGER venue_revision_insert
;;
DROP TRIGGER venue_revision_update
;;
DROP TRIGGER venue_revision_delete
;;
DROP TRIGGER venue_revision_before_insert
;;
DROP TRIGGER venue_revision_before_update
;;
DROP TRIGGER movement_revision_insert
;;
DROP TRIGGER movement_revision_update
;;
DROP TRIGGER movement_revision_delete
;;
DROP TRIGGER movement_revision_before_insert
;;
DROP TRIGGER movement_revision_before_update
;;
INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi)
  SELECT ej_id, dataset, n, digest, 1, 0 FROM revision_base
;;
CREATE TRIGGER ej_revision_insert AFTER INSERT ON ej BEGIN
  INSERT INTO revision_base (ej_id, dataset, n, digest)
    SELECT NEW.id, column1, 0, random() / 4 FROM (VALUES ('structure'), ('patients'), ('venues'))
    WHERE NOT EXISTS (SELECT 1 FROM revision_base WHERE ej_id = NEW.id AND dataset = column1);
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id IN (NEW.id) AND dataset IN ('structure', 'patients', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id = 0 AND changes() < 3 AND dataset IN ('structure', 'patients', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (NEW.id, iif(changes() = 0, NEW.id, 0)) AND dataset IN ('structure', 'patients', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER ej_revision_update AFTER UPDATE ON ej BEGIN
  INSERT INTO revision_base (ej_id, dataset, n, digest)
    SELECT NEW.id, column1, 0, random() / 4 FROM (VALUES ('structure'), ('patients'), ('venues'))
    WHERE NOT EXISTS (SELECT 1 FROM revision_base WHERE ej_id = NEW.id AND dataset = column1);
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id IN (OLD.id, NEW.id) AND dataset IN ('structure', 'patients', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id = 0 AND changes() < 3 * (1 + (OLD.id <> NEW.id)) AND dataset IN ('structure', 'patients', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.id, NEW.id, iif(changes() = 0, NEW.id, 0)) AND dataset IN ('structure', 'patients', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER ej_revision_delete AFTER DELETE ON ej BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id IN (OLD.id) AND dataset IN ('structure', 'patients', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id = 0 AND changes() < 3 AND dataset IN ('structure', 'patients', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.id, iif(changes() = 0, OLD.id, 0)) AND dataset IN ('structure', 'patients', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER ej_revision_before_insert BEFORE INSERT ON ej
WHEN EXISTS (SELECT 1 FROM ej AS other WHERE (other.id = NEW.id) OR (other.finess = NEW.finess)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE dataset IN ('structure', 'patients', 'venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.id LIMIT 1), 0)
      FROM ej AS other WHERE (other.id = NEW.id) OR (other.finess = NEW.finess));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM ej AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.id LIMIT 1), 0)
    WHERE dataset IN ('structure', 'patients', 'venues') AND ((other.id = NEW.id) OR (other.finess = NEW.finess))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER ej_revision_before_update BEFORE UPDATE ON ej
WHEN (NEW.id IS NOT OLD.id OR NEW.finess IS NOT OLD.finess) AND EXISTS (SELECT 1 FROM ej AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.finess = NEW.finess))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE dataset IN ('structure', 'patients', 'venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.id LIMIT 1), 0)
      FROM ej AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.finess = NEW.finess)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM ej AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.id LIMIT 1), 0)
    WHERE dataset IN ('structure', 'patients', 'venues') AND (other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.finess = NEW.finess)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER namespace_revision_insert AFTER INSERT ON namespace BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id = 0 AND changes() < 2 AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER namespace_revision_update AFTER UPDATE ON namespace BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id = 0 AND changes() < 2 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER namespace_revision_delete AFTER DELETE ON namespace BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id = 0 AND changes() < 2 AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER namespace_revision_before_insert BEFORE INSERT ON namespace
WHEN EXISTS (SELECT 1 FROM namespace AS other WHERE (other.ej_id = NEW.ej_id AND other.kind = NEW.kind) OR (other.rowid = NEW.rowid)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE dataset IN ('structure', 'venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM namespace AS other WHERE (other.ej_id = NEW.ej_id AND other.kind = NEW.kind) OR (other.rowid = NEW.rowid));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM namespace AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('structure', 'venues') AND ((other.ej_id = NEW.ej_id AND other.kind = NEW.kind) OR (other.rowid = NEW.rowid))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER namespace_revision_before_update BEFORE UPDATE ON namespace
WHEN (NEW.ej_id IS NOT OLD.ej_id OR NEW.kind IS NOT OLD.kind OR NEW.rowid IS NOT OLD.rowid) AND EXISTS (SELECT 1 FROM namespace AS other WHERE other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.kind = NEW.kind) OR (other.rowid = NEW.rowid))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE dataset IN ('structure', 'venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM namespace AS other WHERE other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.kind = NEW.kind) OR (other.rowid = NEW.rowid)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM namespace AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('structure', 'venues') AND (other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.kind = NEW.kind) OR (other.rowid = NEW.rowid)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_unit_revision_insert AFTER INSERT ON org_unit BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id = 0 AND changes() < 2 AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_unit_revision_update AFTER UPDATE ON org_unit BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id = 0 AND changes() < 2 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_unit_revision_delete AFTER DELETE ON org_unit BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id = 0 AND changes() < 2 AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_unit_revision_before_insert BEFORE INSERT ON org_unit
WHEN EXISTS (SELECT 1 FROM org_unit AS other WHERE (other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE dataset IN ('structure', 'venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM org_unit AS other WHERE (other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM org_unit AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('structure', 'venues') AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_unit_revision_before_update BEFORE UPDATE ON org_unit
WHEN (NEW.id IS NOT OLD.id OR NEW.ej_id IS NOT OLD.ej_id OR NEW.kind IS NOT OLD.kind OR NEW.code IS NOT OLD.code) AND EXISTS (SELECT 1 FROM org_unit AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE dataset IN ('structure', 'venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM org_unit AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM org_unit AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('structure', 'venues') AND (other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_member_revision_insert AFTER INSERT ON org_member BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('structure');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('structure');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('structure')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_member_revision_update AFTER UPDATE ON org_member BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('structure');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id = 0 AND changes() < 1 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('structure');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('structure')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_member_revision_delete AFTER DELETE ON org_member BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('structure');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('structure');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('structure')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_member_revision_before_insert BEFORE INSERT ON org_member
WHEN EXISTS (SELECT 1 FROM org_member AS other WHERE (other.ej_id = NEW.ej_id AND other.parent_id = NEW.parent_id AND other.child_id = NEW.child_id) OR (other.rowid = NEW.rowid)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE dataset IN ('structure') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM org_member AS other WHERE (other.ej_id = NEW.ej_id AND other.parent_id = NEW.parent_id AND other.child_id = NEW.child_id) OR (other.rowid = NEW.rowid));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM org_member AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('structure') AND ((other.ej_id = NEW.ej_id AND other.parent_id = NEW.parent_id AND other.child_id = NEW.child_id) OR (other.rowid = NEW.rowid))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER org_member_revision_before_update BEFORE UPDATE ON org_member
WHEN (NEW.ej_id IS NOT OLD.ej_id OR NEW.parent_id IS NOT OLD.parent_id OR NEW.child_id IS NOT OLD.child_id OR NEW.rowid IS NOT OLD.rowid) AND EXISTS (SELECT 1 FROM org_member AS other WHERE other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.parent_id = NEW.parent_id AND other.child_id = NEW.child_id) OR (other.rowid = NEW.rowid))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE dataset IN ('structure') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM org_member AS other WHERE other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.parent_id = NEW.parent_id AND other.child_id = NEW.child_id) OR (other.rowid = NEW.rowid)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM org_member AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('structure') AND (other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.parent_id = NEW.parent_id AND other.child_id = NEW.child_id) OR (other.rowid = NEW.rowid)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER place_revision_insert AFTER INSERT ON place BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id = 0 AND changes() < 2 AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER place_revision_update AFTER UPDATE ON place BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id = 0 AND changes() < 2 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER place_revision_delete AFTER DELETE ON place BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id = 0 AND changes() < 2 AND dataset IN ('structure', 'venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('structure', 'venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER place_revision_before_insert BEFORE INSERT ON place
WHEN EXISTS (SELECT 1 FROM place AS other WHERE (other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE dataset IN ('structure', 'venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM place AS other WHERE (other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM place AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('structure', 'venues') AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER place_revision_before_update BEFORE UPDATE ON place
WHEN (NEW.id IS NOT OLD.id OR NEW.ej_id IS NOT OLD.ej_id OR NEW.kind IS NOT OLD.kind OR NEW.code IS NOT OLD.code) AND EXISTS (SELECT 1 FROM place AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE dataset IN ('structure', 'venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM place AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, iif(dataset = 'structure', NULL, 1), iif(dataset = 'structure', NULL, 0), NULL
    FROM place AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('structure', 'venues') AND (other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.kind = NEW.kind AND other.code = NEW.code)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_revision_insert AFTER INSERT ON patient BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, NEW.id, NEW.id, NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_revision_update AFTER UPDATE ON patient BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id = 0 AND changes() < 1 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, min(OLD.id, NEW.id), max(OLD.id, NEW.id), iif(OLD.id <> NEW.id, OLD.id || ',' || NEW.id, NULL)
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_revision_delete AFTER DELETE ON patient BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, OLD.id, OLD.id, NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_revision_before_insert BEFORE INSERT ON patient
WHEN EXISTS (SELECT 1 FROM patient AS other WHERE (other.id = NEW.id)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE dataset IN ('patients') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM patient AS other WHERE (other.id = NEW.id));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.id), max(other.id), iif(min(other.id) <> max(other.id), group_concat(other.id), NULL)
    FROM patient AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('patients') AND ((other.id = NEW.id))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_revision_before_update BEFORE UPDATE ON patient
WHEN (NEW.id IS NOT OLD.id) AND EXISTS (SELECT 1 FROM patient AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE dataset IN ('patients') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM patient AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.id), max(other.id), iif(min(other.id) <> max(other.id), group_concat(other.id), NULL)
    FROM patient AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('patients') AND (other.rowid <> OLD.rowid AND ((other.id = NEW.id)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_identifier_revision_insert AFTER INSERT ON patient_identifier BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, NEW.patient_id, NEW.patient_id, NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_identifier_revision_update AFTER UPDATE ON patient_identifier BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id = 0 AND changes() < 1 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, min(OLD.patient_id, NEW.patient_id), max(OLD.patient_id, NEW.patient_id), iif(OLD.patient_id <> NEW.patient_id, OLD.patient_id || ',' || NEW.patient_id, NULL)
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_identifier_revision_delete AFTER DELETE ON patient_identifier BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, OLD.patient_id, OLD.patient_id, NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_identifier_revision_before_insert BEFORE INSERT ON patient_identifier
WHEN EXISTS (SELECT 1 FROM patient_identifier AS other WHERE (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid) OR (other.ej_id = NEW.ej_id AND other.system = NEW.system AND other.value = NEW.value AND other.use_code <> 'old' AND NEW.use_code <> 'old') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.kind = 'NDP' AND NEW.kind = 'NDP') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.use_code = 'official' AND NEW.use_code = 'official')) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE dataset IN ('patients') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM patient_identifier AS other WHERE (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid) OR (other.ej_id = NEW.ej_id AND other.system = NEW.system AND other.value = NEW.value AND other.use_code <> 'old' AND NEW.use_code <> 'old') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.kind = 'NDP' AND NEW.kind = 'NDP') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.use_code = 'official' AND NEW.use_code = 'official'));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.patient_id), max(other.patient_id), iif(min(other.patient_id) <> max(other.patient_id), group_concat(other.patient_id), NULL)
    FROM patient_identifier AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('patients') AND ((other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid) OR (other.ej_id = NEW.ej_id AND other.system = NEW.system AND other.value = NEW.value AND other.use_code <> 'old' AND NEW.use_code <> 'old') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.kind = 'NDP' AND NEW.kind = 'NDP') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.use_code = 'official' AND NEW.use_code = 'official'))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_identifier_revision_before_update BEFORE UPDATE ON patient_identifier
WHEN (NEW.ej_id IS NOT OLD.ej_id OR NEW.patient_id IS NOT OLD.patient_id OR NEW.seq IS NOT OLD.seq OR NEW.rowid IS NOT OLD.rowid OR NEW.system IS NOT OLD.system OR NEW.value IS NOT OLD.value OR NEW.use_code IS NOT OLD.use_code OR NEW.kind IS NOT OLD.kind) AND EXISTS (SELECT 1 FROM patient_identifier AS other WHERE other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid) OR (other.ej_id = NEW.ej_id AND other.system = NEW.system AND other.value = NEW.value AND other.use_code <> 'old' AND NEW.use_code <> 'old') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.kind = 'NDP' AND NEW.kind = 'NDP') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.use_code = 'official' AND NEW.use_code = 'official'))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE dataset IN ('patients') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM patient_identifier AS other WHERE other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid) OR (other.ej_id = NEW.ej_id AND other.system = NEW.system AND other.value = NEW.value AND other.use_code <> 'old' AND NEW.use_code <> 'old') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.kind = 'NDP' AND NEW.kind = 'NDP') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.use_code = 'official' AND NEW.use_code = 'official')));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.patient_id), max(other.patient_id), iif(min(other.patient_id) <> max(other.patient_id), group_concat(other.patient_id), NULL)
    FROM patient_identifier AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('patients') AND (other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid) OR (other.ej_id = NEW.ej_id AND other.system = NEW.system AND other.value = NEW.value AND other.use_code <> 'old' AND NEW.use_code <> 'old') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.kind = 'NDP' AND NEW.kind = 'NDP') OR (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.use_code = 'official' AND NEW.use_code = 'official')))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_contact_revision_insert AFTER INSERT ON patient_contact BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, NEW.patient_id, NEW.patient_id, NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_contact_revision_update AFTER UPDATE ON patient_contact BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id = 0 AND changes() < 1 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, min(OLD.patient_id, NEW.patient_id), max(OLD.patient_id, NEW.patient_id), iif(OLD.patient_id <> NEW.patient_id, OLD.patient_id || ',' || NEW.patient_id, NULL)
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_contact_revision_delete AFTER DELETE ON patient_contact BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('patients');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, OLD.patient_id, OLD.patient_id, NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('patients')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_contact_revision_before_insert BEFORE INSERT ON patient_contact
WHEN EXISTS (SELECT 1 FROM patient_contact AS other WHERE (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE dataset IN ('patients') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM patient_contact AS other WHERE (other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.patient_id), max(other.patient_id), iif(min(other.patient_id) <> max(other.patient_id), group_concat(other.patient_id), NULL)
    FROM patient_contact AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('patients') AND ((other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER patient_contact_revision_before_update BEFORE UPDATE ON patient_contact
WHEN (NEW.ej_id IS NOT OLD.ej_id OR NEW.patient_id IS NOT OLD.patient_id OR NEW.seq IS NOT OLD.seq OR NEW.rowid IS NOT OLD.rowid) AND EXISTS (SELECT 1 FROM patient_contact AS other WHERE other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE dataset IN ('patients') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM patient_contact AS other WHERE other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.patient_id), max(other.patient_id), iif(min(other.patient_id) <> max(other.patient_id), group_concat(other.patient_id), NULL)
    FROM patient_contact AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('patients') AND (other.rowid <> OLD.rowid AND ((other.ej_id = NEW.ej_id AND other.patient_id = NEW.patient_id AND other.seq = NEW.seq) OR (other.rowid = NEW.rowid)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER venue_revision_insert AFTER INSERT ON venue BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, NEW.id, NEW.id, NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER venue_revision_update AFTER UPDATE ON venue BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id = 0 AND changes() < 1 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, min(OLD.id, NEW.id), max(OLD.id, NEW.id), iif(OLD.id <> NEW.id, OLD.id || ',' || NEW.id, NULL)
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER venue_revision_delete AFTER DELETE ON venue BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, OLD.id, OLD.id, NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER venue_revision_before_insert BEFORE INSERT ON venue
WHEN EXISTS (SELECT 1 FROM venue AS other WHERE (other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.venue_no = NEW.venue_no)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE dataset IN ('venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM venue AS other WHERE (other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.venue_no = NEW.venue_no));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.id), max(other.id), iif(min(other.id) <> max(other.id), group_concat(other.id), NULL)
    FROM venue AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('venues') AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.venue_no = NEW.venue_no))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER venue_revision_before_update BEFORE UPDATE ON venue
WHEN (NEW.id IS NOT OLD.id OR NEW.ej_id IS NOT OLD.ej_id OR NEW.venue_no IS NOT OLD.venue_no) AND EXISTS (SELECT 1 FROM venue AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.venue_no = NEW.venue_no))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE dataset IN ('venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM venue AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.venue_no = NEW.venue_no)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.id), max(other.id), iif(min(other.id) <> max(other.id), group_concat(other.id), NULL)
    FROM venue AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('venues') AND (other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.venue_no = NEW.venue_no)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER movement_revision_insert AFTER INSERT ON movement BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, NEW.venue_id, NEW.venue_id, NULL
    FROM revision_base
    WHERE ej_id IN (NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER movement_revision_update AFTER UPDATE ON movement BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id = 0 AND changes() < 1 * (1 + (OLD.ej_id <> NEW.ej_id)) AND dataset IN ('venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, min(OLD.venue_id, NEW.venue_id), max(OLD.venue_id, NEW.venue_id), iif(OLD.venue_id <> NEW.venue_id, OLD.venue_id || ',' || NEW.venue_id, NULL)
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id, iif(changes() = 0, NEW.ej_id, 0)) AND dataset IN ('venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER movement_revision_delete AFTER DELETE ON movement BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id = 0 AND changes() < 1 AND dataset IN ('venues');
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT ej_id, dataset, n, digest, OLD.venue_id, OLD.venue_id, NULL
    FROM revision_base
    WHERE ej_id IN (OLD.ej_id, iif(changes() = 0, OLD.ej_id, 0)) AND dataset IN ('venues')
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER movement_revision_before_insert BEFORE INSERT ON movement
WHEN EXISTS (SELECT 1 FROM movement AS other WHERE (other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.movement_no = NEW.movement_no)) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE dataset IN ('venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM movement AS other WHERE (other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.movement_no = NEW.movement_no));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.venue_id), max(other.venue_id), iif(min(other.venue_id) <> max(other.venue_id), group_concat(other.venue_id), NULL)
    FROM movement AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('venues') AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.movement_no = NEW.movement_no))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER movement_revision_before_update BEFORE UPDATE ON movement
WHEN (NEW.id IS NOT OLD.id OR NEW.ej_id IS NOT OLD.ej_id OR NEW.movement_no IS NOT OLD.movement_no) AND EXISTS (SELECT 1 FROM movement AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.movement_no = NEW.movement_no))) BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE dataset IN ('venues') AND ej_id IN (
      SELECT coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
      FROM movement AS other WHERE other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.movement_no = NEW.movement_no)));
  INSERT INTO revision_log (ej_id, dataset, n, nonce, lo, hi, ids)
    SELECT base.ej_id, dataset, n, digest, min(other.venue_id), max(other.venue_id), iif(min(other.venue_id) <> max(other.venue_id), group_concat(other.venue_id), NULL)
    FROM movement AS other JOIN revision_base AS base
      ON base.ej_id = coalesce((SELECT ej_id FROM revision_base WHERE ej_id = other.ej_id LIMIT 1), 0)
    WHERE dataset IN ('venues') AND (other.rowid <> OLD.rowid AND ((other.id = NEW.id) OR (other.ej_id = NEW.ej_id AND other.movement_no = NEW.movement_no)))
    GROUP BY base.ej_id, dataset
  ON CONFLICT (ej_id, dataset, n) DO UPDATE
    SET nonce = excluded.nonce, lo = excluded.lo, hi = excluded.hi, ids = excluded.ids;
END
;;
CREATE TRIGGER revision_log_pruning AFTER INSERT ON revision_log
WHEN NEW.n % 64 = 0 BEGIN
  DELETE FROM revision_log
    WHERE ej_id = NEW.ej_id AND dataset = NEW.dataset AND n <= NEW.n - 100000;
END
