ALTER TABLE patient ADD COLUMN lunar_birth_date TEXT CONSTRAINT patient_lunar_birth_date_label CHECK (length(lunar_birth_date) BETWEEN 1 AND 40 AND trim(lunar_birth_date, char(32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196, 8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288)) = lunar_birth_date AND instr(lunar_birth_date, char(0)) = 0 AND lunar_birth_date NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*')
;;
ALTER TABLE patient ADD COLUMN deceased_on TEXT CONSTRAINT patient_deceased_on_day CHECK (date(deceased_on, '+0 days') IS deceased_on AND (deceased_on IS NULL OR deceased_on BETWEEN '1850-01-01' AND '2199-12-31'))
;;
ALTER TABLE patient ADD COLUMN deceased_on_precision TEXT DEFAULT 'D' NOT NULL CONSTRAINT patient_deceased_on_precision_code CHECK (deceased_on_precision IN ('D', 'M', 'Y'))
;;
ALTER TABLE movement ADD COLUMN derived INTEGER DEFAULT '0' NOT NULL CONSTRAINT movement_derived_flag CHECK (derived IN (0, 1))
