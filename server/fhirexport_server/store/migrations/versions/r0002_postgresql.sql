ALTER TABLE patient ADD COLUMN lunar_birth_date TEXT CONSTRAINT patient_lunar_birth_date_label CHECK (length(lunar_birth_date) BETWEEN 1 AND 40 AND btrim(lunar_birth_date, U&'\0020\0085\00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A\2028\2029\202F\205F\3000') = lunar_birth_date AND lunar_birth_date !~ '[\x01-\x1f\x7f]')
;;
ALTER TABLE patient ADD COLUMN deceased_on DATE CONSTRAINT patient_deceased_on_day CHECK (deceased_on BETWEEN '1850-01-01' AND '2199-12-31')
;;
ALTER TABLE patient ADD COLUMN deceased_on_precision TEXT DEFAULT 'D' NOT NULL CONSTRAINT patient_deceased_on_precision_code CHECK (deceased_on_precision IN ('D', 'M', 'Y'))
;;
ALTER TABLE movement ADD COLUMN derived BOOLEAN DEFAULT '0' NOT NULL CONSTRAINT movement_derived_flag CHECK (derived IN (true, false))
