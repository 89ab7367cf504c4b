CREATE TABLE cache_audit (
  id INTEGER NOT NULL,
  done_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  scope TEXT NOT NULL,
  matched INTEGER NOT NULL,
  reason TEXT NOT NULL,
  request_id TEXT NOT NULL,
  CONSTRAINT cache_audit_pkey PRIMARY KEY (id)
)
 STRICT
;;
CREATE TABLE database_incarnation (
  id TEXT NOT NULL,
  CONSTRAINT database_incarnation_pkey PRIMARY KEY (id)
)
 STRICT
;;
CREATE TABLE ej (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  finess TEXT NOT NULL,
  siren TEXT,
  idnatst TEXT,
  name TEXT NOT NULL,
  legal_name TEXT,
  short_name TEXT,
  phone TEXT,
  email TEXT,
  address_line TEXT,
  address_line2 TEXT,
  postal_code TEXT,
  city TEXT,
  insee_code TEXT,
  country TEXT,
  opened_on TEXT,
  closed_on TEXT,
  active INTEGER DEFAULT '1' NOT NULL,
  time_zone TEXT DEFAULT 'Europe/Paris' NOT NULL,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT ej_finess_key UNIQUE (finess),
  CONSTRAINT ej_id_positive CHECK (id > 0),
  CONSTRAINT ej_finess_shape CHECK ((finess GLOB '[0-9][0-9AB][0-9][0-9][0-9][0-9][0-9][0-9][0-9]')),
  CONSTRAINT ej_siren_shape CHECK ((siren GLOB '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]')),
  CONSTRAINT ej_idnatst_label CHECK (length(idnatst) BETWEEN 1 AND 20 AND trim(idnatst, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = idnatst AND instr(idnatst, char(0)) = 0 AND idnatst NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_name_label CHECK (length(name) BETWEEN 1 AND 200 AND trim(name, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = name AND instr(name, char(0)) = 0 AND name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_legal_name_label CHECK (length(legal_name) BETWEEN 1 AND 200 AND trim(legal_name, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = legal_name AND instr(legal_name, char(0)) = 0 AND legal_name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_short_name_label CHECK (length(short_name) BETWEEN 1 AND 100 AND trim(short_name, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = short_name AND instr(short_name, char(0)) = 0 AND short_name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_phone_label CHECK (length(phone) BETWEEN 1 AND 40 AND trim(phone, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = phone AND instr(phone, char(0)) = 0 AND phone NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_email_label CHECK (length(email) BETWEEN 1 AND 100 AND trim(email, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = email AND instr(email, char(0)) = 0 AND email NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_address_line_label CHECK (length(address_line) BETWEEN 1 AND 200 AND trim(address_line, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = address_line AND instr(address_line, char(0)) = 0 AND address_line NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_address_line2_label CHECK (length(address_line2) BETWEEN 1 AND 200 AND trim(address_line2, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = address_line2 AND instr(address_line2, char(0)) = 0 AND address_line2 NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_postal_code_label CHECK (length(postal_code) BETWEEN 1 AND 20 AND trim(postal_code, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = postal_code AND instr(postal_code, char(0)) = 0 AND postal_code NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_city_label CHECK (length(city) BETWEEN 1 AND 100 AND trim(city, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = city AND instr(city, char(0)) = 0 AND city NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT ej_insee_code_shape CHECK ((insee_code GLOB '[0-9][0-9AB][0-9][0-9][0-9]')),
  CONSTRAINT ej_country_shape CHECK ((country GLOB '[A-Z][A-Z][A-Z]')),
  CONSTRAINT ej_opened_on_day CHECK (date(opened_on, '+0 days') IS opened_on AND (opened_on IS NULL OR opened_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT ej_closed_on_day CHECK (date(closed_on, '+0 days') IS closed_on AND (closed_on IS NULL OR closed_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT ej_period CHECK (closed_on >= opened_on),
  CONSTRAINT ej_active_flag CHECK (active IN (0, 1)),
  CONSTRAINT ej_time_zone_code CHECK (time_zone IN ('Europe/Paris', 'America/Guadeloupe', 'America/Martinique', 'America/Cayenne', 'America/Miquelon', 'America/St_Barthelemy', 'America/Marigot', 'Indian/Reunion', 'Indian/Mayotte', 'Pacific/Noumea', 'Pacific/Wallis', 'Pacific/Tahiti', 'Pacific/Marquesas', 'Pacific/Gambier'))
)
 STRICT
;;
CREATE TABLE import_request (
  id TEXT NOT NULL,
  digest TEXT NOT NULL,
  answer TEXT NOT NULL,
  done_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT import_request_pkey PRIMARY KEY (id)
)
 STRICT
;;
CREATE INDEX import_request_done_at_idx ON import_request (done_at)
;;
CREATE TABLE revision_base (
  ej_id INTEGER NOT NULL,
  dataset TEXT NOT NULL,
  n INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  source TEXT,
  CONSTRAINT revision_base_pkey PRIMARY KEY (ej_id, dataset),
  CONSTRAINT revision_base_dataset_code CHECK (dataset IN ('structure', 'patients', 'venues'))
)
 STRICT
;;
CREATE TABLE revision_delta (
  id INTEGER NOT NULL,
  ej_id INTEGER NOT NULL,
  dataset TEXT NOT NULL,
  nonce INTEGER NOT NULL,
  source TEXT NOT NULL,
  row_count INTEGER NOT NULL,
  CONSTRAINT revision_delta_pkey PRIMARY KEY (id)
)
 STRICT
;;
CREATE INDEX revision_delta_ej_id_dataset_idx ON revision_delta (ej_id, dataset)
;;
CREATE TABLE tombstone (
  ej_id INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  row_id INTEGER NOT NULL,
  deleted_at TEXT NOT NULL,
  CONSTRAINT tombstone_pkey PRIMARY KEY (ej_id, table_name, row_id)
)
 STRICT
;;
CREATE INDEX tombstone_ej_id_deleted_at_idx ON tombstone (ej_id, deleted_at)
;;
CREATE TABLE namespace (
  ej_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  system TEXT NOT NULL,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT namespace_pkey PRIMARY KEY (ej_id, kind),
  CONSTRAINT namespace_kind_code CHECK (kind IN ('STRUCTURE', 'UF', 'UAC', 'PLACE', 'NDA', 'VENUE', 'PREADMISSION', 'MOVEMENT')),
  CONSTRAINT namespace_system_uri CHECK (length(system) BETWEEN 3 AND 200 AND system GLOB '[a-z]*:?*' AND system NOT GLOB '*[^!-~]*' AND instr(system, char(0)) = 0 AND substr(system, 1, instr(system, ':') - 1) NOT GLOB '*[^a-z0-9+.-]*'),
  CONSTRAINT namespace_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE TABLE org_unit (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  ej_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  parent_id INTEGER,
  code TEXT NOT NULL,
  finess TEXT,
  siret TEXT,
  idnatst TEXT,
  name TEXT NOT NULL,
  short_name TEXT,
  legal_name TEXT,
  description TEXT,
  sae_category TEXT,
  activity_type TEXT,
  activity_field TEXT,
  equipment_discipline TEXT,
  places INTEGER,
  is_external INTEGER,
  requests_acts INTEGER,
  performs_acts INTEGER,
  is_heb INTEGER,
  is_soin INTEGER,
  is_admin INTEGER,
  is_med INTEGER,
  is_tech INTEGER,
  is_medicotech INTEGER,
  is_mag INTEGER,
  service_discipline TEXT,
  rate TEXT,
  phone TEXT,
  email TEXT,
  address_line TEXT,
  address_line2 TEXT,
  postal_code TEXT,
  city TEXT,
  insee_code TEXT,
  country TEXT,
  opened_on TEXT,
  closed_on TEXT,
  active INTEGER DEFAULT '1' NOT NULL,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT org_unit_ej_id_id_key UNIQUE (ej_id, id),
  CONSTRAINT org_unit_ej_id_kind_code_key UNIQUE (ej_id, kind, code),
  CONSTRAINT org_unit_ej_id_parent_id_fkey FOREIGN KEY(ej_id, parent_id) REFERENCES org_unit (ej_id, id),
  CONSTRAINT org_unit_id_positive CHECK (id > 0),
  CONSTRAINT org_unit_kind_code CHECK (kind IN ('EG', 'POLE', 'DEPARTMENT', 'SERVICE', 'SECTOR', 'UM', 'CR', 'CA', 'INTERNAL', 'UF', 'UAC')),
  CONSTRAINT org_unit_parent_other CHECK (parent_id <> id),
  CONSTRAINT org_unit_code_label CHECK (length(code) BETWEEN 1 AND 64 AND trim(code, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = code AND instr(code, char(0)) = 0 AND code NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_finess_shape CHECK ((finess GLOB '[0-9][0-9AB][0-9][0-9][0-9][0-9][0-9][0-9][0-9]')),
  CONSTRAINT org_unit_siret_shape CHECK ((siret GLOB '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]')),
  CONSTRAINT org_unit_idnatst_label CHECK (length(idnatst) BETWEEN 1 AND 20 AND trim(idnatst, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = idnatst AND instr(idnatst, char(0)) = 0 AND idnatst NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_name_label CHECK (length(name) BETWEEN 1 AND 200 AND trim(name, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = name AND instr(name, char(0)) = 0 AND name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_short_name_label CHECK (length(short_name) BETWEEN 1 AND 100 AND trim(short_name, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = short_name AND instr(short_name, char(0)) = 0 AND short_name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_legal_name_label CHECK (length(legal_name) BETWEEN 1 AND 200 AND trim(legal_name, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = legal_name AND instr(legal_name, char(0)) = 0 AND legal_name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_description_label CHECK (length(description) BETWEEN 1 AND 1000 AND trim(description, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = description AND instr(description, char(0)) = 0 AND description NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_sae_category_code CHECK (sae_category IN ('101', '106', '109', '114', '115', '122', '127', '128', '129', '131', '141', '146', '156', '161', '292', '355', '362', '365', '366', '412', '415', '422', '425', '426', '430', '433', '444', '695', '696', '697', '698', '699')),
  CONSTRAINT org_unit_finess_only CHECK (finess IS NULL OR kind = 'EG'),
  CONSTRAINT org_unit_siret_only CHECK (siret IS NULL OR kind = 'EG'),
  CONSTRAINT org_unit_idnatst_only CHECK (idnatst IS NULL OR kind = 'EG'),
  CONSTRAINT org_unit_sae_category_only CHECK (sae_category IS NULL OR kind = 'EG'),
  CONSTRAINT org_unit_legal_name_only CHECK (legal_name IS NULL OR kind = 'EG'),
  CONSTRAINT org_unit_activity_type_code CHECK (activity_type IN ('01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21', '23', '24', '25', '26', '28', '30', '31', '32', '33', '34', '37', '38', '39', '40', '41', '97')),
  CONSTRAINT org_unit_activity_field_code CHECK (activity_field IN ('MCO', 'SMR', 'HAD', 'PSY', 'EHPAD', 'LG_SJR', 'MSN_RTRT', 'ATR')),
  CONSTRAINT org_unit_equipment_discipline_open_code CHECK (length(equipment_discipline) BETWEEN 1 AND 20 AND equipment_discipline NOT GLOB '*[^A-Za-z0-9_.-]*'),
  CONSTRAINT org_unit_places_range CHECK (places BETWEEN 0 AND 10000),
  CONSTRAINT org_unit_is_external_flag CHECK (is_external IN (0, 1)),
  CONSTRAINT org_unit_requests_acts_flag CHECK (requests_acts IN (0, 1)),
  CONSTRAINT org_unit_performs_acts_flag CHECK (performs_acts IN (0, 1)),
  CONSTRAINT org_unit_is_heb_flag CHECK (is_heb IN (0, 1)),
  CONSTRAINT org_unit_is_soin_flag CHECK (is_soin IN (0, 1)),
  CONSTRAINT org_unit_is_admin_flag CHECK (is_admin IN (0, 1)),
  CONSTRAINT org_unit_is_med_flag CHECK (is_med IN (0, 1)),
  CONSTRAINT org_unit_is_tech_flag CHECK (is_tech IN (0, 1)),
  CONSTRAINT org_unit_is_medicotech_flag CHECK (is_medicotech IN (0, 1)),
  CONSTRAINT org_unit_is_mag_flag CHECK (is_mag IN (0, 1)),
  CONSTRAINT org_unit_activity_type_only CHECK (activity_type IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_activity_field_only CHECK (activity_field IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_equipment_discipline_only CHECK (equipment_discipline IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_places_only CHECK (places IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_is_external_only CHECK (is_external IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_requests_acts_only CHECK (requests_acts IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_performs_acts_only CHECK (performs_acts IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_is_heb_only CHECK (is_heb IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_is_soin_only CHECK (is_soin IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_is_admin_only CHECK (is_admin IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_is_med_only CHECK (is_med IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_is_tech_only CHECK (is_tech IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_is_medicotech_only CHECK (is_medicotech IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_is_mag_only CHECK (is_mag IS NULL OR kind = 'UF'),
  CONSTRAINT org_unit_service_discipline_open_code CHECK (length(service_discipline) BETWEEN 1 AND 20 AND service_discipline NOT GLOB '*[^A-Za-z0-9_.-]*'),
  CONSTRAINT org_unit_rate_code CHECK (rate IN ('03', '04', '11', '50', '48', '45', '20', '26', '12', '90', '23', '24', '25', '53', '52', '49', '51', '27', '70', '13', '54', '14', '55', '57', '58', '91', '92', '93', '94', '95', '96', '97', '87', '88', '31', '32', '33', '34', '35', '36', '37', '38', '39')),
  CONSTRAINT org_unit_service_discipline_only CHECK (service_discipline IS NULL OR kind = 'UAC'),
  CONSTRAINT org_unit_rate_only CHECK (rate IS NULL OR kind = 'UAC'),
  CONSTRAINT org_unit_phone_label CHECK (length(phone) BETWEEN 1 AND 40 AND trim(phone, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = phone AND instr(phone, char(0)) = 0 AND phone NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_email_label CHECK (length(email) BETWEEN 1 AND 100 AND trim(email, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = email AND instr(email, char(0)) = 0 AND email NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_address_line_label CHECK (length(address_line) BETWEEN 1 AND 200 AND trim(address_line, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = address_line AND instr(address_line, char(0)) = 0 AND address_line NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_address_line2_label CHECK (length(address_line2) BETWEEN 1 AND 200 AND trim(address_line2, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = address_line2 AND instr(address_line2, char(0)) = 0 AND address_line2 NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_postal_code_label CHECK (length(postal_code) BETWEEN 1 AND 20 AND trim(postal_code, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = postal_code AND instr(postal_code, char(0)) = 0 AND postal_code NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_city_label CHECK (length(city) BETWEEN 1 AND 100 AND trim(city, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = city AND instr(city, char(0)) = 0 AND city NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT org_unit_insee_code_shape CHECK ((insee_code GLOB '[0-9][0-9AB][0-9][0-9][0-9]')),
  CONSTRAINT org_unit_country_shape CHECK ((country GLOB '[A-Z][A-Z][A-Z]')),
  CONSTRAINT org_unit_opened_on_day CHECK (date(opened_on, '+0 days') IS opened_on AND (opened_on IS NULL OR opened_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT org_unit_closed_on_day CHECK (date(closed_on, '+0 days') IS closed_on AND (closed_on IS NULL OR closed_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT org_unit_period CHECK (closed_on >= opened_on),
  CONSTRAINT org_unit_active_flag CHECK (active IN (0, 1)),
  CONSTRAINT org_unit_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE INDEX org_unit_ej_id_parent_id_idx ON org_unit (ej_id, parent_id)
;;
CREATE TABLE patient (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  ej_id INTEGER NOT NULL,
  birth_family TEXT,
  first_given TEXT,
  birth_given_names TEXT,
  used_family TEXT,
  used_given TEXT,
  prefix TEXT,
  gender TEXT,
  birth_date TEXT,
  birth_date_precision TEXT DEFAULT 'D' NOT NULL,
  birth_date_corrected INTEGER,
  birth_insee TEXT,
  birth_city TEXT,
  birth_country TEXT,
  multiple_birth INTEGER,
  deceased INTEGER,
  deceased_at TEXT,
  death_city TEXT,
  identity_status TEXT,
  is_homonym INTEGER DEFAULT '0' NOT NULL,
  is_fictitious INTEGER DEFAULT '0' NOT NULL,
  is_doubtful INTEGER DEFAULT '0' NOT NULL,
  identity_method TEXT,
  identity_collected_on TEXT,
  identity_validated_on TEXT,
  identity_validation_mode TEXT,
  marital_status TEXT,
  nationality TEXT,
  address_line TEXT,
  address_line2 TEXT,
  postal_code TEXT,
  city TEXT,
  insee_code TEXT,
  country TEXT,
  phone_home TEXT,
  phone_mobile TEXT,
  phone_work TEXT,
  email TEXT,
  active INTEGER DEFAULT '1' NOT NULL,
  merged_into_id INTEGER,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT patient_ej_id_id_key UNIQUE (ej_id, id),
  CONSTRAINT patient_ej_id_merged_into_id_fkey FOREIGN KEY(ej_id, merged_into_id) REFERENCES patient (ej_id, id),
  CONSTRAINT patient_id_positive CHECK (id > 0),
  CONSTRAINT patient_birth_family_label CHECK (length(birth_family) BETWEEN 1 AND 100 AND trim(birth_family, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = birth_family AND instr(birth_family, char(0)) = 0 AND birth_family NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_first_given_label CHECK (length(first_given) BETWEEN 1 AND 100 AND trim(first_given, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = first_given AND instr(first_given, char(0)) = 0 AND first_given NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_birth_given_names_label CHECK (length(birth_given_names) BETWEEN 1 AND 200 AND trim(birth_given_names, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = birth_given_names AND instr(birth_given_names, char(0)) = 0 AND birth_given_names NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_birth_given_names_only CHECK (birth_given_names IS NULL OR birth_family IS NOT NULL),
  CONSTRAINT patient_official_name_whole CHECK ((birth_family IS NULL) = (first_given IS NULL)),
  CONSTRAINT patient_used_family_label CHECK (length(used_family) BETWEEN 1 AND 100 AND trim(used_family, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = used_family AND instr(used_family, char(0)) = 0 AND used_family NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_used_given_label CHECK (length(used_given) BETWEEN 1 AND 100 AND trim(used_given, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = used_given AND instr(used_given, char(0)) = 0 AND used_given NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_prefix_code CHECK (prefix IN ('M', 'MME')),
  CONSTRAINT patient_gender_code CHECK (gender IN ('M', 'F', 'U')),
  CONSTRAINT patient_birth_date_day CHECK (date(birth_date, '+0 days') IS birth_date AND (birth_date IS NULL OR birth_date BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT patient_birth_date_precision_code CHECK (birth_date_precision IN ('D', 'M', 'Y')),
  CONSTRAINT patient_birth_date_corrected_flag CHECK (birth_date_corrected IN (0, 1)),
  CONSTRAINT patient_birth_insee_shape CHECK ((birth_insee GLOB '[0-9][0-9AB][0-9][0-9][0-9]')),
  CONSTRAINT patient_birth_city_label CHECK (length(birth_city) BETWEEN 1 AND 100 AND trim(birth_city, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = birth_city AND instr(birth_city, char(0)) = 0 AND birth_city NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_birth_country_shape CHECK ((birth_country GLOB '[A-Z][A-Z][A-Z]')),
  CONSTRAINT patient_multiple_birth_range CHECK (multiple_birth BETWEEN 1 AND 20),
  CONSTRAINT patient_deceased_flag CHECK (deceased IN (0, 1)),
  CONSTRAINT patient_deceased_at_instant CHECK (strftime('%Y-%m-%dT%H:%M:%SZ', deceased_at, '+0 days') IS deceased_at AND (deceased_at IS NULL OR deceased_at BETWEEN '1850-01-01T00:00:00Z' AND '2199-12-31T23:59:59Z')),
  CONSTRAINT patient_death_city_label CHECK (length(death_city) BETWEEN 1 AND 100 AND trim(death_city, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = death_city AND instr(death_city, char(0)) = 0 AND death_city NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_identity_status_code CHECK (identity_status IN ('VIDE', 'PROV', 'VALI', 'DOUB', 'DESA', 'DPOT', 'DOUA', 'COLP', 'COLV', 'FILI', 'CACH', 'ANOM', 'IDVER', 'RECD', 'IDRA', 'USUR', 'HOMD', 'INVA')),
  CONSTRAINT patient_is_homonym_flag CHECK (is_homonym IN (0, 1)),
  CONSTRAINT patient_is_fictitious_flag CHECK (is_fictitious IN (0, 1)),
  CONSTRAINT patient_is_doubtful_flag CHECK (is_doubtful IN (0, 1)),
  CONSTRAINT patient_identity_method_code CHECK (identity_method IN ('SM', 'CV', 'INSI', 'CB', 'RFID')),
  CONSTRAINT patient_identity_collected_on_day CHECK (date(identity_collected_on, '+0 days') IS identity_collected_on AND (identity_collected_on IS NULL OR identity_collected_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT patient_identity_validated_on_day CHECK (date(identity_validated_on, '+0 days') IS identity_validated_on AND (identity_validated_on IS NULL OR identity_validated_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT patient_identity_validation_mode_code CHECK (identity_validation_mode IN ('AN', 'CC', 'CE', 'CM', 'CN', 'CS', 'LE', 'PA', 'PC', 'TC', 'DC', 'AC', 'IE')),
  CONSTRAINT patient_vali_mode CHECK (identity_status <> 'VALI' OR identity_validation_mode IN ('PA', 'CN', 'AN', 'LE')),
  CONSTRAINT patient_marital_status_code CHECK (marital_status IN ('A', 'C', 'D', 'I', 'L', 'M', 'P', 'S', 'T', 'U', 'W', 'PACS', 'UNK')),
  CONSTRAINT patient_nationality_shape CHECK ((nationality GLOB '[A-Z][A-Z]')),
  CONSTRAINT patient_address_line_label CHECK (length(address_line) BETWEEN 1 AND 200 AND trim(address_line, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = address_line AND instr(address_line, char(0)) = 0 AND address_line NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_address_line2_label CHECK (length(address_line2) BETWEEN 1 AND 200 AND trim(address_line2, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = address_line2 AND instr(address_line2, char(0)) = 0 AND address_line2 NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_postal_code_label CHECK (length(postal_code) BETWEEN 1 AND 20 AND trim(postal_code, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = postal_code AND instr(postal_code, char(0)) = 0 AND postal_code NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_city_label CHECK (length(city) BETWEEN 1 AND 100 AND trim(city, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = city AND instr(city, char(0)) = 0 AND city NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_insee_code_shape CHECK ((insee_code GLOB '[0-9][0-9AB][0-9][0-9][0-9]')),
  CONSTRAINT patient_country_shape CHECK ((country GLOB '[A-Z][A-Z][A-Z]')),
  CONSTRAINT patient_phone_home_label CHECK (length(phone_home) BETWEEN 1 AND 40 AND trim(phone_home, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = phone_home AND instr(phone_home, char(0)) = 0 AND phone_home NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_phone_mobile_label CHECK (length(phone_mobile) BETWEEN 1 AND 40 AND trim(phone_mobile, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = phone_mobile AND instr(phone_mobile, char(0)) = 0 AND phone_mobile NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_phone_work_label CHECK (length(phone_work) BETWEEN 1 AND 40 AND trim(phone_work, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = phone_work AND instr(phone_work, char(0)) = 0 AND phone_work NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_email_label CHECK (length(email) BETWEEN 1 AND 100 AND trim(email, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = email AND instr(email, char(0)) = 0 AND email NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_active_flag CHECK (active IN (0, 1)),
  CONSTRAINT patient_merged_into_other CHECK (merged_into_id <> id),
  CONSTRAINT patient_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE INDEX patient_merged_into_id_idx ON patient (merged_into_id)
;;
CREATE TABLE org_member (
  ej_id INTEGER NOT NULL,
  parent_id INTEGER NOT NULL,
  child_id INTEGER NOT NULL,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT org_member_pkey PRIMARY KEY (ej_id, parent_id, child_id),
  CONSTRAINT org_member_ej_id_parent_id_fkey FOREIGN KEY(ej_id, parent_id) REFERENCES org_unit (ej_id, id) ON DELETE CASCADE,
  CONSTRAINT org_member_ej_id_child_id_fkey FOREIGN KEY(ej_id, child_id) REFERENCES org_unit (ej_id, id) ON DELETE CASCADE,
  CONSTRAINT org_member_other CHECK (parent_id <> child_id),
  CONSTRAINT org_member_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE INDEX org_member_ej_id_child_id_idx ON org_member (ej_id, child_id)
;;
CREATE TABLE patient_contact (
  ej_id INTEGER NOT NULL,
  patient_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  role_code TEXT,
  relation_code TEXT,
  family TEXT,
  given TEXT,
  phone TEXT,
  email TEXT,
  address_line TEXT,
  postal_code TEXT,
  city TEXT,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT patient_contact_pkey PRIMARY KEY (ej_id, patient_id, seq),
  CONSTRAINT patient_contact_ej_id_patient_id_fkey FOREIGN KEY(ej_id, patient_id) REFERENCES patient (ej_id, id) ON DELETE CASCADE,
  CONSTRAINT patient_contact_role_code_code CHECK (role_code IN ('ECON', 'GUARD', 'QUAL', 'POLHOLD', 'CON', 'CAREGIVER', 'PAT', 'PROV', 'AGNT', 'NOK', 'TUTEUR', 'CURATEUR', 'MSVG', 'O', 'U')),
  CONSTRAINT patient_contact_relation_code_code CHECK (relation_code IN ('MTH', 'FTH', 'NMTH', 'NFTH', 'STPMTH', 'STPFTH', 'GRMTH', 'GRFTH', 'GGRMTH', 'GGRFTH', 'DAU', 'SON', 'BRO', 'SIS', 'HBRO', 'HSIS', 'GRNDDAU', 'GRNDSO', 'UNCLE', 'AUNT', 'NEPHEW', 'NIECE', 'COUSIN', 'HUSB', 'WIFE', 'DOMPART', 'ROOM', 'FRND', 'NBOR', 'FAMMEMB', 'EXT', 'SPS', 'RESPRSN', 'ADOPTF', 'ADOPTM', 'ADOPTP', 'BROINLAW', 'CHILD', 'CHLDADOPT', 'CHLDFOST', 'CHLDINLAW', 'COUSN', 'DAUADOPT', 'DAUC', 'DAUFOST', 'DAUINLAW', 'FMRSPS', 'FTHFOST', 'FTHINLAW', 'GESTM', 'GGRPRN', 'GRNDCHILD', 'GRPRN', 'HSIB', 'MTHFOST', 'MTHINLAW', 'NBRO', 'NIENEPH', 'NPRN', 'NSIB', 'NSIS', 'PRN', 'PRNINLAW', 'SIB', 'SIBINLAW', 'SIGOTHR', 'SISINLAW', 'SONADOPT', 'SONC', 'SONFOST', 'SONINLAW', 'STPBRO', 'STPCHLD', 'STPDAU', 'STPPRN', 'STPSIB', 'STPSIS', 'STPSON', 'TWIN', 'TWINBRO', 'TWINSIS', 'FTWIN', 'FTWINBRO', 'FTWINSIS', 'GRNDSON', 'ITWINBRO', 'ITWINSIS', 'MAUNT', 'MCOUSN', 'MGGRFTH', 'MGGRMTH', 'MGGRPRN', 'MGRFTH', 'MGRMTH', 'MGRPRN', 'MUNCLE', 'NCHILD', 'NFTHF', 'NMTHF', 'PAUNT', 'PCOUSN', 'PGGRFTH', 'PGGRMTH', 'PGGRPRN', 'PGRFTH', 'PGRMTH', 'PGRPRN', 'PRNFOST', 'PUNCLE', 'C', 'G', 'L', 'P', 'SELF', 'FAMDEP', 'STUD', 'ITWIN')),
  CONSTRAINT patient_contact_family_label CHECK (length(family) BETWEEN 1 AND 100 AND trim(family, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = family AND instr(family, char(0)) = 0 AND family NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_contact_given_label CHECK (length(given) BETWEEN 1 AND 100 AND trim(given, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = given AND instr(given, char(0)) = 0 AND given NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_contact_phone_label CHECK (length(phone) BETWEEN 1 AND 40 AND trim(phone, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = phone AND instr(phone, char(0)) = 0 AND phone NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_contact_email_label CHECK (length(email) BETWEEN 1 AND 100 AND trim(email, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = email AND instr(email, char(0)) = 0 AND email NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_contact_address_line_label CHECK (length(address_line) BETWEEN 1 AND 200 AND trim(address_line, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = address_line AND instr(address_line, char(0)) = 0 AND address_line NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_contact_postal_code_label CHECK (length(postal_code) BETWEEN 1 AND 20 AND trim(postal_code, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = postal_code AND instr(postal_code, char(0)) = 0 AND postal_code NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_contact_city_label CHECK (length(city) BETWEEN 1 AND 100 AND trim(city, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = city AND instr(city, char(0)) = 0 AND city NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_contact_says_something CHECK (coalesce(family, given, phone, email, address_line, postal_code, city) IS NOT NULL),
  CONSTRAINT patient_contact_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE TABLE patient_identifier (
  ej_id INTEGER NOT NULL,
  patient_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  use_code TEXT NOT NULL,
  system TEXT NOT NULL,
  value TEXT NOT NULL,
  assigned_on TEXT,
  ended_on TEXT,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT patient_identifier_pkey PRIMARY KEY (ej_id, patient_id, seq),
  CONSTRAINT patient_identifier_ej_id_patient_id_fkey FOREIGN KEY(ej_id, patient_id) REFERENCES patient (ej_id, id) ON DELETE CASCADE,
  CONSTRAINT patient_identifier_kind_code CHECK (kind IN ('IPP', 'INS-NIR', 'INS-NIA', 'INS-NIR-TEST', 'INS-NIR-DEMO', 'INS-C', 'NDP', 'RRI')),
  CONSTRAINT patient_identifier_use_code_of_kind CHECK ((kind = 'IPP' AND use_code IN ('usual', 'temp', 'secondary', 'old')) OR (kind = 'INS-NIR' AND use_code IN ('official', 'old')) OR (kind = 'INS-NIA' AND use_code IN ('official', 'old')) OR (kind = 'INS-NIR-TEST' AND use_code IN ('official')) OR (kind = 'INS-NIR-DEMO' AND use_code IN ('official')) OR (kind = 'INS-C' AND use_code IN ('secondary')) OR (kind = 'NDP' AND use_code IN ('secondary')) OR (kind = 'RRI' AND use_code IN ('secondary'))),
  CONSTRAINT patient_identifier_system_uri CHECK (length(system) BETWEEN 3 AND 200 AND system GLOB '[a-z]*:?*' AND system NOT GLOB '*[^!-~]*' AND instr(system, char(0)) = 0 AND substr(system, 1, instr(system, ':') - 1) NOT GLOB '*[^a-z0-9+.-]*'),
  CONSTRAINT patient_identifier_system_of_kind CHECK (CASE kind WHEN 'INS-NIR' THEN system = 'urn:oid:1.2.250.1.213.1.4.8' WHEN 'INS-NIA' THEN system = 'urn:oid:1.2.250.1.213.1.4.9' WHEN 'INS-NIR-TEST' THEN system = 'urn:oid:1.2.250.1.213.1.4.10' WHEN 'INS-NIR-DEMO' THEN system = 'urn:oid:1.2.250.1.213.1.4.11' WHEN 'INS-C' THEN system = 'urn:oid:1.2.250.1.213.1.4.2' WHEN 'NDP' THEN system = 'urn:oid:1.2.250.1.176.1.2' ELSE system NOT LIKE 'urn:oid:1.2.250.1.213.1.4.%' END),
  CONSTRAINT patient_identifier_value_label CHECK (length(value) BETWEEN 1 AND 64 AND trim(value, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = value AND instr(value, char(0)) = 0 AND value NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT patient_identifier_assigned_on_day CHECK (date(assigned_on, '+0 days') IS assigned_on AND (assigned_on IS NULL OR assigned_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT patient_identifier_ended_on_day CHECK (date(ended_on, '+0 days') IS ended_on AND (ended_on IS NULL OR ended_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT patient_identifier_period CHECK (ended_on >= assigned_on),
  CONSTRAINT patient_identifier_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE UNIQUE INDEX patient_identifier_lookup ON patient_identifier (ej_id, system, value) WHERE use_code <> 'old'
;;
CREATE UNIQUE INDEX patient_identifier_ndp ON patient_identifier (ej_id, patient_id) WHERE kind = 'NDP'
;;
CREATE UNIQUE INDEX patient_identifier_official ON patient_identifier (ej_id, patient_id) WHERE use_code = 'official'
;;
CREATE TABLE place (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  ej_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  parent_id INTEGER,
  uf_id INTEGER,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  status TEXT DEFAULT 'active' NOT NULL,
  operational_status TEXT,
  room_type TEXT,
  bed_position TEXT,
  phone TEXT,
  latitude REAL,
  longitude REAL,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT place_ej_id_id_key UNIQUE (ej_id, id),
  CONSTRAINT place_ej_id_kind_code_key UNIQUE (ej_id, kind, code),
  CONSTRAINT place_ej_id_parent_id_fkey FOREIGN KEY(ej_id, parent_id) REFERENCES place (ej_id, id),
  CONSTRAINT place_ej_id_uf_id_fkey FOREIGN KEY(ej_id, uf_id) REFERENCES org_unit (ej_id, id),
  CONSTRAINT place_id_positive CHECK (id > 0),
  CONSTRAINT place_kind_code CHECK (kind IN ('UH', 'ROOM', 'BED', 'BUILDING', 'FLOOR', 'CORRIDOR', 'WING', 'BOX', 'PLATFORM', 'COLLECTION_POINT', 'DELIVERY_POINT', 'EXAM_ROOM', 'CONSULTATION_ROOM')),
  CONSTRAINT place_parent_other CHECK (parent_id <> id),
  CONSTRAINT place_code_label CHECK (length(code) BETWEEN 1 AND 64 AND trim(code, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = code AND instr(code, char(0)) = 0 AND code NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT place_name_label CHECK (length(name) BETWEEN 1 AND 200 AND trim(name, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = name AND instr(name, char(0)) = 0 AND name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT place_description_label CHECK (length(description) BETWEEN 1 AND 1000 AND trim(description, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = description AND instr(description, char(0)) = 0 AND description NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT place_status_code CHECK (status IN ('active', 'suspended', 'inactive')),
  CONSTRAINT place_operational_status_code CHECK (operational_status IN ('C', 'H', 'I', 'K', 'O', 'U')),
  CONSTRAINT place_room_type_code CHECK (room_type IN ('STD', 'PRSN_NGTV', 'PRSN_PSTV', 'CRCRL', 'CPTN')),
  CONSTRAINT place_room_type_only CHECK (room_type IS NULL OR kind = 'ROOM'),
  CONSTRAINT place_bed_position_code CHECK (bed_position IN ('FNTR', 'CLR', 'ML')),
  CONSTRAINT place_bed_position_only CHECK (bed_position IS NULL OR kind = 'BED'),
  CONSTRAINT place_phone_label CHECK (length(phone) BETWEEN 1 AND 40 AND trim(phone, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = phone AND instr(phone, char(0)) = 0 AND phone NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT place_latitude_range CHECK (latitude BETWEEN -90 AND 90),
  CONSTRAINT place_longitude_range CHECK (longitude BETWEEN -180 AND 180),
  CONSTRAINT place_position_whole CHECK ((latitude IS NULL) = (longitude IS NULL)),
  CONSTRAINT place_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE INDEX place_ej_id_parent_id_idx ON place (ej_id, parent_id)
;;
CREATE INDEX place_ej_id_uf_id_idx ON place (ej_id, uf_id)
;;
CREATE TABLE venue (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  ej_id INTEGER NOT NULL,
  patient_id INTEGER NOT NULL,
  venue_no TEXT NOT NULL,
  nda TEXT,
  preadmission_no TEXT,
  patient_class TEXT NOT NULL,
  admission_type TEXT,
  activity_type TEXT,
  service_discipline TEXT,
  admit_source TEXT,
  expected_admit_at TEXT,
  expected_discharge_on TEXT,
  discharge_disposition TEXT,
  origin_finess TEXT,
  destination_finess TEXT,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT venue_ej_id_id_key UNIQUE (ej_id, id),
  CONSTRAINT venue_ej_id_venue_no_key UNIQUE (ej_id, venue_no),
  CONSTRAINT venue_ej_id_patient_id_fkey FOREIGN KEY(ej_id, patient_id) REFERENCES patient (ej_id, id),
  CONSTRAINT venue_id_positive CHECK (id > 0),
  CONSTRAINT venue_venue_no_label CHECK (length(venue_no) BETWEEN 1 AND 64 AND trim(venue_no, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = venue_no AND instr(venue_no, char(0)) = 0 AND venue_no NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT venue_nda_label CHECK (length(nda) BETWEEN 1 AND 64 AND trim(nda, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = nda AND instr(nda, char(0)) = 0 AND nda NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT venue_preadmission_no_label CHECK (length(preadmission_no) BETWEEN 1 AND 64 AND trim(preadmission_no, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = preadmission_no AND instr(preadmission_no, char(0)) = 0 AND preadmission_no NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT venue_patient_class_code CHECK (patient_class IN ('E', 'I', 'O', 'R', 'V')),
  CONSTRAINT venue_admission_type_code CHECK (admission_type IN ('C', 'L', 'N', 'R', 'U', 'RM', 'IE')),
  CONSTRAINT venue_activity_type_code CHECK (activity_type IN ('01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21', '23', '24', '25', '26', '28', '30', '31', '32', '33', '34', '37', '38', '39', '40', '41', '97')),
  CONSTRAINT venue_service_discipline_open_code CHECK (length(service_discipline) BETWEEN 1 AND 20 AND service_discipline NOT GLOB '*[^A-Za-z0-9_.-]*'),
  CONSTRAINT venue_admit_source_code CHECK (admit_source IN ('1', '3', '4', '6', '7', '8', '90', '91')),
  CONSTRAINT venue_expected_admit_at_instant CHECK (strftime('%Y-%m-%dT%H:%M:%SZ', expected_admit_at, '+0 days') IS expected_admit_at AND (expected_admit_at IS NULL OR expected_admit_at BETWEEN '1850-01-01T00:00:00Z' AND '2199-12-31T23:59:59Z')),
  CONSTRAINT venue_expected_discharge_on_day CHECK (date(expected_discharge_on, '+0 days') IS expected_discharge_on AND (expected_discharge_on IS NULL OR expected_discharge_on BETWEEN '1850-01-01' AND '2199-12-31')),
  CONSTRAINT venue_discharge_disposition_code CHECK (discharge_disposition IN ('2', '3', '4', '5', '6', 'R', 'E', 'F', 'A', 'P', 'S', 'B', 'REO', 'PSA')),
  CONSTRAINT venue_origin_finess_shape CHECK ((origin_finess GLOB '[0-9][0-9AB][0-9][0-9][0-9][0-9][0-9][0-9][0-9]')),
  CONSTRAINT venue_destination_finess_shape CHECK ((destination_finess GLOB '[0-9][0-9AB][0-9][0-9][0-9][0-9][0-9][0-9][0-9]')),
  CONSTRAINT venue_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE INDEX venue_ej_id_patient_id_idx ON venue (ej_id, patient_id)
;;
CREATE TABLE movement (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  ej_id INTEGER NOT NULL,
  venue_id INTEGER NOT NULL,
  movement_no TEXT NOT NULL,
  started_at TEXT NOT NULL,
  trigger_event TEXT NOT NULL,
  state TEXT DEFAULT 'active' NOT NULL,
  nature TEXT,
  patient_class TEXT,
  activity_type TEXT,
  uf_heb_id INTEGER,
  uf_med_id INTEGER,
  uf_care_id INTEGER,
  uh_id INTEGER,
  room_id INTEGER,
  bed_id INTEGER,
  attending_rpps TEXT,
  attending_name TEXT,
  expected_return_at TEXT,
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')) NOT NULL,
  CONSTRAINT movement_ej_id_movement_no_key UNIQUE (ej_id, movement_no),
  CONSTRAINT movement_ej_id_venue_id_fkey FOREIGN KEY(ej_id, venue_id) REFERENCES venue (ej_id, id) ON DELETE CASCADE,
  CONSTRAINT movement_ej_id_uf_heb_id_fkey FOREIGN KEY(ej_id, uf_heb_id) REFERENCES org_unit (ej_id, id),
  CONSTRAINT movement_ej_id_uf_med_id_fkey FOREIGN KEY(ej_id, uf_med_id) REFERENCES org_unit (ej_id, id),
  CONSTRAINT movement_ej_id_uf_care_id_fkey FOREIGN KEY(ej_id, uf_care_id) REFERENCES org_unit (ej_id, id),
  CONSTRAINT movement_ej_id_uh_id_fkey FOREIGN KEY(ej_id, uh_id) REFERENCES place (ej_id, id),
  CONSTRAINT movement_ej_id_room_id_fkey FOREIGN KEY(ej_id, room_id) REFERENCES place (ej_id, id),
  CONSTRAINT movement_ej_id_bed_id_fkey FOREIGN KEY(ej_id, bed_id) REFERENCES place (ej_id, id),
  CONSTRAINT movement_id_positive CHECK (id > 0),
  CONSTRAINT movement_movement_no_label CHECK (length(movement_no) BETWEEN 1 AND 64 AND trim(movement_no, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = movement_no AND instr(movement_no, char(0)) = 0 AND movement_no NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT movement_started_at_instant CHECK (strftime('%Y-%m-%dT%H:%M:%SZ', started_at, '+0 days') IS started_at AND (started_at IS NULL OR started_at BETWEEN '1850-01-01T00:00:00Z' AND '2199-12-31T23:59:59Z')),
  CONSTRAINT movement_trigger_event_code CHECK (trigger_event IN ('A01', 'A02', 'A03', 'A04', 'A05', 'A06', 'A07', 'A14', 'A15', 'A16', 'A21', 'A22', 'A54')),
  CONSTRAINT movement_state_code CHECK (state IN ('active', 'cancelled')),
  CONSTRAINT movement_nature_code CHECK (nature IN ('S', 'H', 'M', 'L', 'D', 'SM', 'SH', 'MH', 'LD', 'HMS', 'C', 'MC', 'MHC', 'HMSC')),
  CONSTRAINT movement_patient_class_code CHECK (patient_class IN ('E', 'I', 'O', 'R', 'V')),
  CONSTRAINT movement_activity_type_code CHECK (activity_type IN ('01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21', '23', '24', '25', '26', '28', '30', '31', '32', '33', '34', '37', '38', '39', '40', '41', '97')),
  CONSTRAINT movement_attending_rpps_shape CHECK ((attending_rpps GLOB '[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]')),
  CONSTRAINT movement_attending_name_label CHECK (length(attending_name) BETWEEN 1 AND 100 AND trim(attending_name, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = attending_name AND instr(attending_name, char(0)) = 0 AND attending_name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*'),
  CONSTRAINT movement_expected_return_at_instant CHECK (strftime('%Y-%m-%dT%H:%M:%SZ', expected_return_at, '+0 days') IS expected_return_at AND (expected_return_at IS NULL OR expected_return_at BETWEEN '1850-01-01T00:00:00Z' AND '2199-12-31T23:59:59Z')),
  CONSTRAINT movement_expected_return_at_only CHECK (expected_return_at IS NULL OR coalesce(bed_id, room_id, uh_id) IS NOT NULL),
  CONSTRAINT movement_ej_id_fkey FOREIGN KEY(ej_id) REFERENCES ej (id)
)
 STRICT
;;
CREATE INDEX movement_export ON movement (ej_id, venue_id, started_at, id)
;;
INSERT INTO database_incarnation (id) SELECT lower(hex(randomblob(16)))
;;
CREATE TRIGGER ej_revision_rows AFTER INSERT ON ej BEGIN
  INSERT INTO revision_base (ej_id, dataset, n, digest)
    SELECT NEW.id, column1, 0, random() / 4 FROM (VALUES ('structure'), ('patients'), ('venues'))
    WHERE NOT EXISTS (SELECT 1 FROM revision_base WHERE ej_id = NEW.id AND dataset = column1);
END
;;
INSERT INTO revision_base (ej_id, dataset, n, digest)
  SELECT 0, column1, 0, random() / 4 FROM (VALUES ('structure'), ('patients'), ('venues'))
;;
CREATE TRIGGER ej_revision_insert AFTER INSERT ON ej BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id IN (NEW.id) AND dataset IN ('structure', 'patients', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'patients', 'venues');
END
;;
CREATE TRIGGER ej_revision_update AFTER UPDATE ON ej BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id IN (OLD.id, NEW.id) AND dataset IN ('structure', 'patients', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'patients', 'venues');
END
;;
CREATE TRIGGER ej_revision_delete AFTER DELETE ON ej BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id IN (OLD.id) AND dataset IN ('structure', 'patients', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'patients', 'venues');
END
;;
CREATE TRIGGER ej_revision_before_insert BEFORE INSERT ON ej BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id IN (SELECT id FROM ej WHERE id = NEW.id) AND dataset IN ('structure', 'patients', 'venues');
END
;;
CREATE TRIGGER ej_revision_before_update BEFORE UPDATE ON ej BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'ej'
    WHERE ej_id IN (SELECT id FROM ej WHERE id = NEW.id) AND dataset IN ('structure', 'patients', 'venues');
END
;;
CREATE TRIGGER namespace_revision_insert AFTER INSERT ON namespace BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER namespace_revision_update AFTER UPDATE ON namespace BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER namespace_revision_delete AFTER DELETE ON namespace BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'namespace'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER org_unit_revision_insert AFTER INSERT ON org_unit BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER org_unit_revision_update AFTER UPDATE ON org_unit BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER org_unit_revision_delete AFTER DELETE ON org_unit BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER org_unit_revision_before_insert BEFORE INSERT ON org_unit BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id IN (SELECT ej_id FROM org_unit WHERE id = NEW.id) AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER org_unit_revision_before_update BEFORE UPDATE ON org_unit BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_unit'
    WHERE ej_id IN (SELECT ej_id FROM org_unit WHERE id = NEW.id) AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER org_member_revision_insert AFTER INSERT ON org_member BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('structure');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure');
END
;;
CREATE TRIGGER org_member_revision_update AFTER UPDATE ON org_member BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('structure');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure');
END
;;
CREATE TRIGGER org_member_revision_delete AFTER DELETE ON org_member BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('structure');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'org_member'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure');
END
;;
CREATE TRIGGER place_revision_insert AFTER INSERT ON place BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER place_revision_update AFTER UPDATE ON place BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER place_revision_delete AFTER DELETE ON place BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('structure', 'venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER place_revision_before_insert BEFORE INSERT ON place BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id IN (SELECT ej_id FROM place WHERE id = NEW.id) AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER place_revision_before_update BEFORE UPDATE ON place BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'place'
    WHERE ej_id IN (SELECT ej_id FROM place WHERE id = NEW.id) AND dataset IN ('structure', 'venues');
END
;;
CREATE TRIGGER patient_revision_insert AFTER INSERT ON patient BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_revision_update AFTER UPDATE ON patient BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_revision_delete AFTER DELETE ON patient BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_revision_before_insert BEFORE INSERT ON patient BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id IN (SELECT ej_id FROM patient WHERE id = NEW.id) AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_revision_before_update BEFORE UPDATE ON patient BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient'
    WHERE ej_id IN (SELECT ej_id FROM patient WHERE id = NEW.id) AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_identifier_revision_insert AFTER INSERT ON patient_identifier BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_identifier_revision_update AFTER UPDATE ON patient_identifier BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_identifier_revision_delete AFTER DELETE ON patient_identifier BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_identifier'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_contact_revision_insert AFTER INSERT ON patient_contact BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_contact_revision_update AFTER UPDATE ON patient_contact BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER patient_contact_revision_delete AFTER DELETE ON patient_contact BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('patients');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'patient_contact'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('patients');
END
;;
CREATE TRIGGER venue_revision_insert AFTER INSERT ON venue BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('venues');
END
;;
CREATE TRIGGER venue_revision_update AFTER UPDATE ON venue BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('venues');
END
;;
CREATE TRIGGER venue_revision_delete AFTER DELETE ON venue BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('venues');
END
;;
CREATE TRIGGER venue_revision_before_insert BEFORE INSERT ON venue BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id IN (SELECT ej_id FROM venue WHERE id = NEW.id) AND dataset IN ('venues');
END
;;
CREATE TRIGGER venue_revision_before_update BEFORE UPDATE ON venue BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'venue'
    WHERE ej_id IN (SELECT ej_id FROM venue WHERE id = NEW.id) AND dataset IN ('venues');
END
;;
CREATE TRIGGER movement_revision_insert AFTER INSERT ON movement BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id IN (NEW.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('venues');
END
;;
CREATE TRIGGER movement_revision_update AFTER UPDATE ON movement BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id IN (OLD.ej_id, NEW.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('venues');
END
;;
CREATE TRIGGER movement_revision_delete AFTER DELETE ON movement BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id IN (OLD.ej_id) AND dataset IN ('venues');
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id = 0 AND changes() = 0 AND dataset IN ('venues');
END
;;
CREATE TRIGGER movement_revision_before_insert BEFORE INSERT ON movement BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id IN (SELECT ej_id FROM movement WHERE id = NEW.id) AND dataset IN ('venues');
END
;;
CREATE TRIGGER movement_revision_before_update BEFORE UPDATE ON movement BEGIN
  UPDATE revision_base SET n = n + 1, digest = random() / 4, source = 'movement'
    WHERE ej_id IN (SELECT ej_id FROM movement WHERE id = NEW.id) AND dataset IN ('venues');
END
;;
CREATE TRIGGER org_unit_tombstone AFTER DELETE ON org_unit BEGIN
  DELETE FROM tombstone
    WHERE ej_id = OLD.ej_id AND table_name = 'org_unit' AND row_id = OLD.id;
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    VALUES (OLD.ej_id, 'org_unit', OLD.id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
END
;;
CREATE TRIGGER place_tombstone AFTER DELETE ON place BEGIN
  DELETE FROM tombstone
    WHERE ej_id = OLD.ej_id AND table_name = 'place' AND row_id = OLD.id;
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    VALUES (OLD.ej_id, 'place', OLD.id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
END
;;
CREATE TRIGGER patient_tombstone AFTER DELETE ON patient BEGIN
  DELETE FROM tombstone
    WHERE ej_id = OLD.ej_id AND table_name = 'patient' AND row_id = OLD.id;
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    VALUES (OLD.ej_id, 'patient', OLD.id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
END
;;
CREATE TRIGGER venue_tombstone AFTER DELETE ON venue BEGIN
  DELETE FROM tombstone
    WHERE ej_id = OLD.ej_id AND table_name = 'venue' AND row_id = OLD.id;
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    VALUES (OLD.ej_id, 'venue', OLD.id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
END
;;
CREATE TRIGGER movement_tombstone AFTER DELETE ON movement BEGIN
  DELETE FROM tombstone
    WHERE ej_id = OLD.ej_id AND table_name = 'movement' AND row_id = OLD.id;
  INSERT INTO tombstone (ej_id, table_name, row_id, deleted_at)
    VALUES (OLD.ej_id, 'movement', OLD.id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
END
;;
CREATE TRIGGER ej_updated_at AFTER UPDATE ON ej
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE ej SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER namespace_updated_at AFTER UPDATE ON namespace
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE namespace SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER org_unit_updated_at AFTER UPDATE ON org_unit
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE org_unit SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER org_member_updated_at AFTER UPDATE ON org_member
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE org_member SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER place_updated_at AFTER UPDATE ON place
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE place SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER patient_updated_at AFTER UPDATE ON patient
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE patient SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER patient_identifier_updated_at AFTER UPDATE ON patient_identifier
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE patient_identifier SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER patient_contact_updated_at AFTER UPDATE ON patient_contact
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE patient_contact SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER venue_updated_at AFTER UPDATE ON venue
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE venue SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
;;
CREATE TRIGGER movement_updated_at AFTER UPDATE ON movement
WHEN NEW.updated_at IS OLD.updated_at
  AND NEW.updated_at <> strftime('%Y-%m-%dT%H:%M:%SZ', 'now') BEGIN
  UPDATE movement SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
    WHERE rowid = NEW.rowid;
END
