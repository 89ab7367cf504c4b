SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)
;;
ALTER FUNCTION revision_insert() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION revision_insert() FROM PUBLIC
;;
ALTER FUNCTION revision_insert_ej() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION revision_insert_ej() FROM PUBLIC
;;
ALTER FUNCTION revision_update() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION revision_update() FROM PUBLIC
;;
ALTER FUNCTION revision_update_ej() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION revision_update_ej() FROM PUBLIC
;;
ALTER FUNCTION revision_delete() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION revision_delete() FROM PUBLIC
;;
ALTER FUNCTION revision_delete_ej() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION revision_delete_ej() FROM PUBLIC
;;
ALTER FUNCTION revision_truncate() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION revision_truncate() FROM PUBLIC
;;
ALTER FUNCTION note_deletion() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION note_deletion() FROM PUBLIC
;;
ALTER FUNCTION keep_updated_at() SET search_path FROM CURRENT
;;
REVOKE EXECUTE ON FUNCTION keep_updated_at() FROM PUBLIC
;;
COMMENT ON TABLE cache_audit IS 'What operators did to the cache; the server writes it, and nothing reads it.'
;;
COMMENT ON COLUMN cache_audit.id IS 'The entry''s number. Not exported.'
;;
COMMENT ON COLUMN cache_audit.done_at IS 'When it was done. Not exported.'
;;
COMMENT ON COLUMN cache_audit.actor IS 'Who did it: the identity of the caller, or its address where nobody is asked. Not exported.'
;;
COMMENT ON COLUMN cache_audit.action IS 'What was done: invalidate or flush. Not exported.'
;;
COMMENT ON COLUMN cache_audit.scope IS 'The pattern of the keys that it was done to. Not exported.'
;;
COMMENT ON COLUMN cache_audit.matched IS 'How many exports of an EJ it took in. Not exported.'
;;
COMMENT ON COLUMN cache_audit.reason IS 'Why, in the operator''s words; empty where none was given. Not exported.'
;;
COMMENT ON COLUMN cache_audit.request_id IS 'The id of the call, as in the log. Not exported.'
;;
COMMENT ON TABLE database_incarnation IS 'Which database this is, in one row. Whoever restores a copy of files writes another id.'
;;
COMMENT ON COLUMN database_incarnation.id IS 'Random text; another one makes every etag and revision from before another database''s. Not exported.'
;;
COMMENT ON TABLE ej IS 'The legal entities (entites juridiques, EJ) that run the hospitals. Every export is one EJ''s. A row becomes an Organization. Allowed: closed_on is not before opened_on.'
;;
COMMENT ON COLUMN ej.id IS 'The number that FHIR''s id ej-<id> is made of; kept for life. Allowed: more than 0. FHIR: Organization.id.'
;;
COMMENT ON COLUMN ej.finess IS 'FINESS number of the legal entity. Allowed: 9 characters: digits, the second may be A or B. FHIR: Organization.identifier.where(type.coding.code=''FINEJ'').value.'
;;
COMMENT ON COLUMN ej.siren IS 'SIREN number. Allowed: 9 digits. FHIR: Organization.identifier.where(type.coding.code=''SIREN'').value.'
;;
COMMENT ON COLUMN ej.idnatst IS 'National structure identifier (IDNST). Allowed: 1 to 20 characters in one line, no blank at either end. FHIR: Organization.identifier.where(type.coding.code=''IDNST'').value.'
;;
COMMENT ON COLUMN ej.name IS 'Usual name. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Organization.name.'
;;
COMMENT ON COLUMN ej.legal_name IS 'Legal name (raison sociale). Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Organization.extension(''fr-core-organization-raison-sociale'').valueString.'
;;
COMMENT ON COLUMN ej.short_name IS 'Short name. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Organization.extension(''fr-core-organization-short-name'').valueString.'
;;
COMMENT ON COLUMN ej.phone IS 'Telephone. Allowed: 1 to 40 characters in one line, no blank at either end. FHIR: Organization.telecom.where(system=''phone'').value.'
;;
COMMENT ON COLUMN ej.email IS 'E-mail address. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Organization.telecom.where(system=''email'').value.'
;;
COMMENT ON COLUMN ej.address_line IS 'First line of the postal address: number and street. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Organization.address.line.'
;;
COMMENT ON COLUMN ej.address_line2 IS 'Second line of the postal address. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Organization.address.line.'
;;
COMMENT ON COLUMN ej.postal_code IS 'Postal code. Allowed: 1 to 20 characters in one line, no blank at either end. FHIR: Organization.address.postalCode.'
;;
COMMENT ON COLUMN ej.city IS 'Town of the postal address. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Organization.address.city.'
;;
COMMENT ON COLUMN ej.insee_code IS 'INSEE code of the commune of the postal address. Allowed: 5 characters: digits, the second may be A or B. FHIR: Organization.address.extension(''fr-core-address-insee-code'').valueCoding.code.'
;;
COMMENT ON COLUMN ej.country IS 'Country of the postal address, ISO 3166-1 alpha-3. Allowed: 3 capital letters. FHIR: Organization.address.country.'
;;
COMMENT ON COLUMN ej.opened_on IS 'First day in use. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Organization.extension(''organization-period'').valuePeriod.start.'
;;
COMMENT ON COLUMN ej.closed_on IS 'Last day in use. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Organization.extension(''organization-period'').valuePeriod.end.'
;;
COMMENT ON COLUMN ej.active IS 'Whether it is in use. Allowed: true or false. FHIR: Organization.active.'
;;
COMMENT ON COLUMN ej.time_zone IS 'The clock that the EJ lives by, as an IANA name: instants are exported with its offset. It is told where it is not the one of most of France, or not the one of its department overseas. Allowed: one of Europe/Paris, America/Guadeloupe, America/Martinique, America/Cayenne, America/Miquelon, America/St_Barthelemy, America/Marigot, Indian/Reunion, Indian/Mayotte, Pacific/Noumea, Pacific/Wallis, Pacific/Tahiti, Pacific/Marquesas, Pacific/Gambier. FHIR: Organization.meta.extension(''timezone'').valueCode, Patient.deceasedDateTime, Encounter.period.start, Encounter.period.end.'
;;
COMMENT ON COLUMN ej.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE import_request IS 'The imports of the last day that had a request_id, so that one that is repeated writes nothing twice; the server writes and deletes them.'
;;
COMMENT ON COLUMN import_request.id IS 'The request_id that the caller gave, a UUID. Not exported.'
;;
COMMENT ON COLUMN import_request.digest IS 'A digest of what was sent, and of the options. Not exported.'
;;
COMMENT ON COLUMN import_request.answer IS 'What was answered; empty until the import ends. Not exported.'
;;
COMMENT ON COLUMN import_request.done_at IS 'When the import began. Not exported.'
;;
COMMENT ON TABLE revision_base IS 'How far each dataset of each EJ has come. Triggers and the server write it, nobody else.'
;;
COMMENT ON COLUMN revision_base.ej_id IS 'The EJ; 0 for what counts for every EJ. Not exported.'
;;
COMMENT ON COLUMN revision_base.dataset IS 'The dataset. Allowed: one of structure, patients, venues. Not exported.'
;;
COMMENT ON COLUMN revision_base.n IS 'How many changes there were. Not exported.'
;;
COMMENT ON COLUMN revision_base.digest IS 'Which changes these were: the sum of their random numbers, on SQLite the last one. Not exported.'
;;
COMMENT ON COLUMN revision_base.source IS 'The table whose change was counted last; for the log only. Not exported.'
;;
COMMENT ON TABLE revision_delta IS 'Changes that revision_base does not count yet, on PostgreSQL. Triggers write it and the server empties it, nobody else.'
;;
COMMENT ON COLUMN revision_delta.id IS 'The change''s number. Not exported.'
;;
COMMENT ON COLUMN revision_delta.ej_id IS 'The EJ; 0 for what counts for every EJ. Not exported.'
;;
COMMENT ON COLUMN revision_delta.dataset IS 'The dataset. Not exported.'
;;
COMMENT ON COLUMN revision_delta.nonce IS 'A random number, which tells the change from others. Not exported.'
;;
COMMENT ON COLUMN revision_delta.source IS 'The table that was changed; for the log only. Not exported.'
;;
COMMENT ON COLUMN revision_delta.row_count IS 'How many of its rows; for the log only. Not exported.'
;;
COMMENT ON TABLE tombstone IS 'The rows of org_unit, place, patient, venue and movement that were deleted. Triggers write it, nobody else.'
;;
COMMENT ON COLUMN tombstone.ej_id IS 'The EJ that the row belonged to. Not exported.'
;;
COMMENT ON COLUMN tombstone.table_name IS 'The table that it was in. Not exported.'
;;
COMMENT ON COLUMN tombstone.row_id IS 'Its id. Not exported.'
;;
COMMENT ON COLUMN tombstone.deleted_at IS 'When it was deleted, to the second. Not exported.'
;;
COMMENT ON TABLE namespace IS 'The system of an EJ''s own numbers, one for each kind; a kind without a row has a system below BASE_URL.'
;;
COMMENT ON COLUMN namespace.ej_id IS 'The EJ that the row belongs to. Allowed: the id of a row of ej. Not exported.'
;;
COMMENT ON COLUMN namespace.kind IS 'Whose numbers the system is of: UF and UAC of such units, STRUCTURE of all other units, PLACE of places, VENUE of venues, PREADMISSION of their pre-admissions, NDA of their billing files, MOVEMENT of movements. Allowed: one of STRUCTURE, UF, UAC, PLACE, NDA, VENUE, PREADMISSION, MOVEMENT. FHIR: Organization.identifier.system, Location.identifier.system, Encounter.identifier.system, Encounter.account.identifier.system.'
;;
COMMENT ON COLUMN namespace.system IS 'The system that the numbers of this kind are exported in. Allowed: an absolute URI of 3 to 200 characters, its scheme in small letters. FHIR: Organization.identifier.system, Location.identifier.system, Encounter.identifier.system, Encounter.account.identifier.system.'
;;
COMMENT ON COLUMN namespace.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE org_unit IS 'The units below an EJ: sites, poles, services, UF, UAC and their like. A row becomes an Organization. Allowed: closed_on is not before opened_on.'
;;
COMMENT ON COLUMN org_unit.id IS 'The number that FHIR''s id is made of, after a word for the kind: eg-<id>, pole-<id>, uf-<id>; kept for life. Allowed: more than 0. FHIR: Organization.id.'
;;
COMMENT ON COLUMN org_unit.ej_id IS 'The EJ that the unit belongs to; it is what a unit without a parent is part of. Allowed: the id of a row of ej. FHIR: Organization.partOf.reference.'
;;
COMMENT ON COLUMN org_unit.kind IS 'What kind of unit it is: EG a site, POLE a group of services, UF the unit that activity is counted by, UAC a subdivision of a UF. It is part of the FHIR id, so that another kind is another Organization. Allowed: one of EG (GEOGRAPHICAL-ENTITY), POLE, DEPARTMENT (DEPARTEMENT), SERVICE, SECTOR (SECTEUR), UM, CR (CENTRE-RESP), CA (CENTRE-ACTIVITE), INTERNAL (STRUCT-INTERNE), UF, UAC. FHIR: Organization.type.coding.code, Organization.id.'
;;
COMMENT ON COLUMN org_unit.parent_id IS 'The unit that it is part of; empty directly below the EJ. No cycles, 64 levels at most. Allowed: not the unit itself; the id of a row of org_unit of the same EJ. FHIR: Organization.partOf.reference.'
;;
COMMENT ON COLUMN org_unit.code IS 'The EJ''s own number of the unit, in the system that namespace has for it; unique within EJ and kind. Allowed: 1 to 64 characters in one line, no blank at either end. FHIR: Organization.identifier.value.'
;;
COMMENT ON COLUMN org_unit.finess IS 'Of a site: FINESS number. Allowed: 9 characters: digits, the second may be A or B; only where kind = ''EG''. FHIR: Organization.identifier.where(type.coding.code=''FINEG'').value.'
;;
COMMENT ON COLUMN org_unit.siret IS 'Of a site: SIRET number. Allowed: 14 digits; only where kind = ''EG''. FHIR: Organization.identifier.where(type.coding.code=''SIRET'').value.'
;;
COMMENT ON COLUMN org_unit.idnatst IS 'Of a site: national structure identifier (IDNST). Allowed: 1 to 20 characters in one line, no blank at either end; only where kind = ''EG''. FHIR: Organization.identifier.where(type.coding.code=''IDNST'').value.'
;;
COMMENT ON COLUMN org_unit.name IS 'Name. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Organization.name.'
;;
COMMENT ON COLUMN org_unit.short_name IS 'Short name. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Organization.extension(''fr-core-organization-short-name'').valueString.'
;;
COMMENT ON COLUMN org_unit.legal_name IS 'Of a site: legal name (raison sociale). Allowed: 1 to 200 characters in one line, no blank at either end; only where kind = ''EG''. FHIR: Organization.extension(''fr-core-organization-raison-sociale'').valueString.'
;;
COMMENT ON COLUMN org_unit.description IS 'What the unit does. Allowed: 1 to 1000 characters in one line, no blank at either end. FHIR: Organization.extension(''extension-Organization.description'').valueMarkdown.'
;;
COMMENT ON COLUMN org_unit.sae_category IS 'Of a site: category of establishment (TRE_R66). Allowed: one of 101, 106, 109, 114, 115, 122, 127, 128, 129, 131, 141, 146, 156, 161, 292, 355, 362, 365, 366, 412, 415, 422, 425, 426, 430, 433, 444, 695, 696, 697, 698, 699; only where kind = ''EG''. FHIR: Organization.extension(''fr-core-organization-sae-categorie'').valueCodeableConcept.coding.code.'
;;
COMMENT ON COLUMN org_unit.activity_type IS 'Of a UF: type of activity (fr-core-cs-type-activite). Allowed: one of 01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 30, 31, 32, 33, 34, 37, 38, 39, 40, 41, 97; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-type-activite'').valueCodeableConcept.coding.code.'
;;
COMMENT ON COLUMN org_unit.activity_field IS 'Of a UF: field of activity (fr-core-cs-champ-activite). Allowed: one of MCO, SMR, HAD, PSY, EHPAD, LG_SJR, MSN_RTRT, ATR; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-champ-activite'').valueCoding.code.'
;;
COMMENT ON COLUMN org_unit.equipment_discipline IS 'Of a UF: discipline of equipment (fr-core-cs-discipline-equipement). Allowed: 1 to 20 of A-Z, a-z, 0-9, _, . and -; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-discipline-equipement'').valueCoding.code.'
;;
COMMENT ON COLUMN org_unit.places IS 'Of a UF: how many patients it can accommodate in theory, a number of places. Allowed: 0 to 10000; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-place-hebergement-theorique'').valueInteger.'
;;
COMMENT ON COLUMN org_unit.is_external IS 'Of a UF: whether it is external (UF externe). Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-uf-externe'').valueBoolean.'
;;
COMMENT ON COLUMN org_unit.requests_acts IS 'Of a UF: whether it asks for acts. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-demandeuse-acte'').valueBoolean.'
;;
COMMENT ON COLUMN org_unit.performs_acts IS 'Of a UF: whether it performs acts. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-executante-acte'').valueBoolean.'
;;
COMMENT ON COLUMN org_unit.is_heb IS 'Of a UF: whether it accommodates patients (hebergement); only a true one is exported. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-uf-indicateur'').valueCodeableConcept.coding.where(code=''HEB'').code.'
;;
COMMENT ON COLUMN org_unit.is_soin IS 'Of a UF: whether it cares for patients (soin); only a true one is exported. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-uf-indicateur'').valueCodeableConcept.coding.where(code=''SOIN'').code.'
;;
COMMENT ON COLUMN org_unit.is_admin IS 'Of a UF: whether it is administrative; only a true one is exported. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-uf-indicateur'').valueCodeableConcept.coding.where(code=''ADMIN'').code.'
;;
COMMENT ON COLUMN org_unit.is_med IS 'Of a UF: whether it is medical; only a true one is exported. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-uf-indicateur'').valueCodeableConcept.coding.where(code=''MED'').code.'
;;
COMMENT ON COLUMN org_unit.is_tech IS 'Of a UF: whether it is technical; only a true one is exported. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-uf-indicateur'').valueCodeableConcept.coding.where(code=''TECH'').code.'
;;
COMMENT ON COLUMN org_unit.is_medicotech IS 'Of a UF: whether it is medico-technical; only a true one is exported. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-uf-indicateur'').valueCodeableConcept.coding.where(code=''MEDICOTECH'').code.'
;;
COMMENT ON COLUMN org_unit.is_mag IS 'Of a UF: whether it is a store (magasin); only a true one is exported. Allowed: true or false; only where kind = ''UF''. FHIR: Organization.extension(''fr-core-organization-uf-indicateur'').valueCodeableConcept.coding.where(code=''MAG'').code.'
;;
COMMENT ON COLUMN org_unit.service_discipline IS 'Of a UAC: discipline of service (fr-core-cs-discipline-prestation). Allowed: 1 to 20 of A-Z, a-z, 0-9, _, . and -; only where kind = ''UAC''. FHIR: Organization.extension(''fr-core-organization-discipline-prestation'').valueCoding.code.'
;;
COMMENT ON COLUMN org_unit.rate IS 'Of a UAC: code of its rate (fr-core-cs-code-tarif-tnjp). Allowed: one of 03, 04, 11, 50, 48, 45, 20, 26, 12, 90, 23, 24, 25, 53, 52, 49, 51, 27, 70, 13, 54, 14, 55, 57, 58, 91, 92, 93, 94, 95, 96, 97, 87, 88, 31, 32, 33, 34, 35, 36, 37, 38, 39; only where kind = ''UAC''. FHIR: Organization.extension(''fr-core-organization-tarif'').valueCoding.code.'
;;
COMMENT ON COLUMN org_unit.phone IS 'Telephone. Allowed: 1 to 40 characters in one line, no blank at either end. FHIR: Organization.telecom.where(system=''phone'').value.'
;;
COMMENT ON COLUMN org_unit.email IS 'E-mail address. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Organization.telecom.where(system=''email'').value.'
;;
COMMENT ON COLUMN org_unit.address_line IS 'First line of the postal address: number and street. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Organization.address.line.'
;;
COMMENT ON COLUMN org_unit.address_line2 IS 'Second line of the postal address. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Organization.address.line.'
;;
COMMENT ON COLUMN org_unit.postal_code IS 'Postal code. Allowed: 1 to 20 characters in one line, no blank at either end. FHIR: Organization.address.postalCode.'
;;
COMMENT ON COLUMN org_unit.city IS 'Town of the postal address. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Organization.address.city.'
;;
COMMENT ON COLUMN org_unit.insee_code IS 'INSEE code of the commune of the postal address. Allowed: 5 characters: digits, the second may be A or B. FHIR: Organization.address.extension(''fr-core-address-insee-code'').valueCoding.code.'
;;
COMMENT ON COLUMN org_unit.country IS 'Country of the postal address, ISO 3166-1 alpha-3. Allowed: 3 capital letters. FHIR: Organization.address.country.'
;;
COMMENT ON COLUMN org_unit.opened_on IS 'First day in use. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Organization.extension(''organization-period'').valuePeriod.start.'
;;
COMMENT ON COLUMN org_unit.closed_on IS 'Last day in use. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Organization.extension(''organization-period'').valuePeriod.end.'
;;
COMMENT ON COLUMN org_unit.active IS 'Whether it is in use. Allowed: true or false. FHIR: Organization.active.'
;;
COMMENT ON COLUMN org_unit.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE patient IS 'The patients in an EJ''s identity domain. A row becomes a Patient. Allowed: birth_family and first_given are both there or both empty; where identity_status is VALI, identity_validation_mode is PA, CN, AN, LE or empty.'
;;
COMMENT ON COLUMN patient.id IS 'The number that FHIR''s id pat-<id> is made of; kept for life. Allowed: more than 0. FHIR: Patient.id.'
;;
COMMENT ON COLUMN patient.ej_id IS 'The EJ whose identity domain the patient is in. Allowed: the id of a row of ej. FHIR: Patient.managingOrganization.reference.'
;;
COMMENT ON COLUMN patient.birth_family IS 'Family name at birth. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.name.where(use=''official'').family.'
;;
COMMENT ON COLUMN patient.first_given IS 'First of the given names at birth. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.name.where(use=''official'').given.'
;;
COMMENT ON COLUMN patient.birth_given_names IS 'All given names at birth, the first one too, with a blank between them. Allowed: 1 to 200 characters in one line, no blank at either end; only where birth_family IS NOT NULL. FHIR: Patient.name.where(use=''official'').extension(''fr-core-patient-birth-list-given-name'').valueString, Patient.name.where(use=''official'').given.'
;;
COMMENT ON COLUMN patient.used_family IS 'Family name in use. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.name.where(use=''usual'').family.'
;;
COMMENT ON COLUMN patient.used_given IS 'Given name in use. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.name.where(use=''usual'').given.'
;;
COMMENT ON COLUMN patient.prefix IS 'Title, of the birth name where there is one. Allowed: one of M, MME. FHIR: Patient.name.prefix.'
;;
COMMENT ON COLUMN patient.gender IS 'Administrative gender. Allowed: one of M (male), F (female), U (unknown). FHIR: Patient.gender.'
;;
COMMENT ON COLUMN patient.birth_date IS 'Date of birth. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Patient.birthDate.'
;;
COMMENT ON COLUMN patient.birth_date_precision IS 'How much of birth_date is known: D the day, M the month, Y the year; what is not known of it is left out. Allowed: one of D, M, Y. FHIR: Patient.birthDate.'
;;
COMMENT ON COLUMN patient.birth_date_corrected IS 'Whether the date of birth was corrected. Allowed: true or false. FHIR: Patient.extension(''fr-core-patient-birthdate-update-indicator'').valueBoolean.'
;;
COMMENT ON COLUMN patient.lunar_birth_date IS 'Date of birth in a lunar calendar, as it is written. Allowed: 1 to 40 characters in one line, no blank at either end. FHIR: Patient.extension(''fr-core-lunar-date'').valueString.'
;;
COMMENT ON COLUMN patient.birth_insee IS 'INSEE code of the commune of birth, or of the country where it is abroad. Allowed: 5 characters: digits, the second may be A or B. FHIR: Patient.extension(''patient-birthPlace'').valueAddress.extension(''fr-core-address-insee-code'').valueCoding.code.'
;;
COMMENT ON COLUMN patient.birth_city IS 'Town of birth. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.extension(''patient-birthPlace'').valueAddress.city.'
;;
COMMENT ON COLUMN patient.birth_country IS 'Country of birth, ISO 3166-1 alpha-3. Allowed: 3 capital letters. FHIR: Patient.extension(''patient-birthPlace'').valueAddress.country.'
;;
COMMENT ON COLUMN patient.multiple_birth IS 'Rank in a multiple birth: 1 the first. Allowed: 1 to 20. FHIR: Patient.multipleBirthInteger.'
;;
COMMENT ON COLUMN patient.deceased IS 'Whether the patient has died; not exported beside a date of death, which says so. Allowed: true or false. FHIR: Patient.deceasedBoolean.'
;;
COMMENT ON COLUMN patient.deceased_at IS 'When the patient died, to the second. Allowed: an instant from 1850-01-01T00:00:00Z to 2199-12-31T23:59:59Z, in whole seconds. FHIR: Patient.deceasedDateTime.'
;;
COMMENT ON COLUMN patient.deceased_on IS 'The day of death; exported where deceased_at is empty. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Patient.deceasedDateTime.'
;;
COMMENT ON COLUMN patient.deceased_on_precision IS 'How much of deceased_on is known: D the day, M the month, Y the year; what is not known of it is left out. Allowed: one of D, M, Y. FHIR: Patient.deceasedDateTime.'
;;
COMMENT ON COLUMN patient.death_city IS 'Town of death. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.extension(''fr-core-patient-death-place'').valueAddress.city.'
;;
COMMENT ON COLUMN patient.identity_status IS 'Status of the identity (fr-core-cs-v2-0445): VALI is a qualified one, which is exported in the profile fr-core-patient-ins where all its traits and one matricule INS are there. Allowed: one of VIDE, PROV, VALI, DOUB, DESA, DPOT, DOUA, COLP, COLV, FILI, CACH, ANOM, IDVER, RECD, IDRA, USUR, HOMD, INVA. FHIR: Patient.extension(''fr-core-identity-reliability'').extension(''identityStatus'').valueCoding.code, Patient.meta.profile.'
;;
COMMENT ON COLUMN patient.is_homonym IS 'Whether others have the same traits (homonym); only a true one is exported. Allowed: true or false. FHIR: Patient.extension(''fr-core-identity-reliability'').extension(''identityStatus'').valueCoding.where(code=''HOMA'').code.'
;;
COMMENT ON COLUMN patient.is_fictitious IS 'Whether the identity is fictitious; only a true one is exported. Allowed: true or false. FHIR: Patient.extension(''fr-core-identity-reliability'').extension(''identityStatus'').valueCoding.where(code=''FICT'').code.'
;;
COMMENT ON COLUMN patient.is_doubtful IS 'Whether the identity is doubtful; only a true one is exported. Allowed: true or false. FHIR: Patient.extension(''fr-core-identity-reliability'').extension(''identityStatus'').valueCoding.where(code=''DOUT'').code.'
;;
COMMENT ON COLUMN patient.identity_method IS 'How the identity was collected (fr-core-cs-method-collection). Allowed: one of SM, CV, INSI, CB, RFID. FHIR: Patient.extension(''fr-core-identity-reliability'').extension(''methodCollection'').valueCoding.code.'
;;
COMMENT ON COLUMN patient.identity_collected_on IS 'When the identity was collected. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Patient.extension(''fr-core-identity-reliability'').extension(''dateCollection'').valueDate.'
;;
COMMENT ON COLUMN patient.identity_validated_on IS 'When the identity was validated. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Patient.extension(''fr-core-identity-reliability'').extension(''validationDate'').valueDate.'
;;
COMMENT ON COLUMN patient.identity_validation_mode IS 'By what the identity was validated (fr-core-cs-mode-validation-identity). Allowed: one of AN, CC, CE, CM, CN, CS, LE, PA, PC, TC, DC, AC, IE. FHIR: Patient.extension(''fr-core-identity-reliability'').extension(''validationMode'').valueCoding.code.'
;;
COMMENT ON COLUMN patient.marital_status IS 'Marital status (v3-MaritalStatus, PACS of fr-core-cs-marital-status, UNK of v3-NullFlavor). Allowed: one of A, C, D, I, L, M, P, S, T, U, W, PACS, UNK. FHIR: Patient.maritalStatus.coding.code.'
;;
COMMENT ON COLUMN patient.nationality IS 'Nationality, ISO 3166-1 alpha-2. Allowed: 2 capital letters. FHIR: Patient.extension(''fr-core-patient-nationality'').extension(''code'').valueCodeableConcept.coding.code.'
;;
COMMENT ON COLUMN patient.address_line IS 'First line of the postal address: number and street. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Patient.address.line.'
;;
COMMENT ON COLUMN patient.address_line2 IS 'Second line of the postal address. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Patient.address.line.'
;;
COMMENT ON COLUMN patient.postal_code IS 'Postal code. Allowed: 1 to 20 characters in one line, no blank at either end. FHIR: Patient.address.postalCode.'
;;
COMMENT ON COLUMN patient.city IS 'Town of the postal address. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.address.city.'
;;
COMMENT ON COLUMN patient.insee_code IS 'INSEE code of the commune of the postal address. Allowed: 5 characters: digits, the second may be A or B. FHIR: Patient.address.extension(''fr-core-address-insee-code'').valueCoding.code.'
;;
COMMENT ON COLUMN patient.country IS 'Country of the postal address, ISO 3166-1 alpha-3. Allowed: 3 capital letters. FHIR: Patient.address.country.'
;;
COMMENT ON COLUMN patient.phone_home IS 'Telephone at home. Allowed: 1 to 40 characters in one line, no blank at either end. FHIR: Patient.telecom.where(system=''phone'').where(use=''home'').value.'
;;
COMMENT ON COLUMN patient.phone_mobile IS 'Mobile telephone. Allowed: 1 to 40 characters in one line, no blank at either end. FHIR: Patient.telecom.where(system=''phone'').where(use=''mobile'').value.'
;;
COMMENT ON COLUMN patient.phone_work IS 'Telephone at work. Allowed: 1 to 40 characters in one line, no blank at either end. FHIR: Patient.telecom.where(system=''phone'').where(use=''work'').value.'
;;
COMMENT ON COLUMN patient.email IS 'E-mail address. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.telecom.where(system=''email'').value.'
;;
COMMENT ON COLUMN patient.active IS 'Whether the record is in use. Allowed: true or false. FHIR: Patient.active.'
;;
COMMENT ON COLUMN patient.merged_into_id IS 'The patient that this one was merged into, of whom it is a duplicate. Allowed: not the patient itself; the id of a row of patient of the same EJ. FHIR: Patient.link.other.reference.'
;;
COMMENT ON COLUMN patient.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE org_member IS 'Units that belong to another unit beside the tree of org_unit.parent_id. A row becomes an extension of the parent''s Organization. Allowed: parent_id and child_id are two units.'
;;
COMMENT ON COLUMN org_member.ej_id IS 'The EJ that the row belongs to. Allowed: the id of a row of ej. Not exported.'
;;
COMMENT ON COLUMN org_member.parent_id IS 'The unit whose Organization names the other. Allowed: the id of a row of org_unit of the same EJ. FHIR: Organization.extension(''fr-core-organization-member'').'
;;
COMMENT ON COLUMN org_member.child_id IS 'The unit that belongs to it as well. Allowed: the id of a row of org_unit of the same EJ. FHIR: Organization.extension(''fr-core-organization-member'').valueReference.reference.'
;;
COMMENT ON COLUMN org_member.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE patient_contact IS 'The persons to turn to about a patient. A row becomes a contact of the Patient. Allowed: one of family, given, phone, email, address_line, postal_code, city is there.'
;;
COMMENT ON COLUMN patient_contact.ej_id IS 'The EJ that the row belongs to. Allowed: the id of a row of ej. Not exported.'
;;
COMMENT ON COLUMN patient_contact.patient_id IS 'The patient whose Patient shows it. Allowed: the id of a row of patient of the same EJ. FHIR: Patient.contact.'
;;
COMMENT ON COLUMN patient_contact.seq IS 'Its place among the patient''s, from the smallest up. Not exported.'
;;
COMMENT ON COLUMN patient_contact.role_code IS 'What the person is to the patient (TRE_R260, TRE_R217, v2-0131). Allowed: one of ECON, GUARD, QUAL, POLHOLD, CON, CAREGIVER, PAT, PROV, AGNT, NOK, TUTEUR, CURATEUR, MSVG, O, U. FHIR: Patient.contact.relationship.coding.code.'
;;
COMMENT ON COLUMN patient_contact.relation_code IS 'How the person is related to the patient (TRE_R216). Allowed: one of MTH, FTH, NMTH, NFTH, STPMTH, STPFTH, GRMTH, GRFTH, GGRMTH, GGRFTH, DAU, SON, BRO, SIS, HBRO, HSIS, GRNDDAU, GRNDSO, UNCLE, AUNT, NEPHEW, NIECE, COUSIN, HUSB, WIFE, DOMPART, ROOM, FRND, NBOR, FAMMEMB, EXT, SPS, RESPRSN, ADOPTF, ADOPTM, ADOPTP, BROINLAW, CHILD, CHLDADOPT, CHLDFOST, CHLDINLAW, COUSN, DAUADOPT, DAUC, DAUFOST, DAUINLAW, FMRSPS, FTHFOST, FTHINLAW, GESTM, GGRPRN, GRNDCHILD, GRPRN, HSIB, MTHFOST, MTHINLAW, NBRO, NIENEPH, NPRN, NSIB, NSIS, PRN, PRNINLAW, SIB, SIBINLAW, SIGOTHR, SISINLAW, SONADOPT, SONC, SONFOST, SONINLAW, STPBRO, STPCHLD, STPDAU, STPPRN, STPSIB, STPSIS, STPSON, TWIN, TWINBRO, TWINSIS, FTWIN, FTWINBRO, FTWINSIS, GRNDSON, ITWINBRO, ITWINSIS, MAUNT, MCOUSN, MGGRFTH, MGGRMTH, MGGRPRN, MGRFTH, MGRMTH, MGRPRN, MUNCLE, NCHILD, NFTHF, NMTHF, PAUNT, PCOUSN, PGGRFTH, PGGRMTH, PGGRPRN, PGRFTH, PGRMTH, PGRPRN, PRNFOST, PUNCLE, C, G, L, P, SELF, FAMDEP, STUD, ITWIN. FHIR: Patient.contact.relationship.coding.code.'
;;
COMMENT ON COLUMN patient_contact.family IS 'Family name. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.contact.name.family.'
;;
COMMENT ON COLUMN patient_contact.given IS 'Given name. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.contact.name.given.'
;;
COMMENT ON COLUMN patient_contact.phone IS 'Telephone. Allowed: 1 to 40 characters in one line, no blank at either end. FHIR: Patient.contact.telecom.where(system=''phone'').value.'
;;
COMMENT ON COLUMN patient_contact.email IS 'E-mail address. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.contact.telecom.where(system=''email'').value.'
;;
COMMENT ON COLUMN patient_contact.address_line IS 'Number and street. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Patient.contact.address.line.'
;;
COMMENT ON COLUMN patient_contact.postal_code IS 'Postal code. Allowed: 1 to 20 characters in one line, no blank at either end. FHIR: Patient.contact.address.postalCode.'
;;
COMMENT ON COLUMN patient_contact.city IS 'Town. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Patient.contact.address.city.'
;;
COMMENT ON COLUMN patient_contact.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE patient_identifier IS 'The numbers of patients. System and value are unique within the EJ among those whose use_code is not old; a patient has one official number at most, and one of kind NDP. A row becomes an Identifier of the Patient. Allowed: ended_on is not before assigned_on.'
;;
COMMENT ON COLUMN patient_identifier.ej_id IS 'The EJ that the row belongs to. Allowed: the id of a row of ej. Not exported.'
;;
COMMENT ON COLUMN patient_identifier.patient_id IS 'The patient whose Patient shows it. Allowed: the id of a row of patient of the same EJ. FHIR: Patient.identifier.'
;;
COMMENT ON COLUMN patient_identifier.seq IS 'Its place among the patient''s, from the smallest up. Not exported.'
;;
COMMENT ON COLUMN patient_identifier.kind IS 'What kind of number it is: IPP the patient''s own in the EJ, INS-NIR and INS-NIA a matricule INS (which is exported with a qualified identity only), INS-NIR-TEST and INS-NIR-DEMO one of a test or demonstration, INS-C a calculated INS, NDP the pharmaceutical record''s, RRI a regional registry''s. Allowed: one of IPP, INS-NIR, INS-NIA, INS-NIR-TEST, INS-NIR-DEMO, INS-C, NDP, RRI. FHIR: Patient.identifier.type.coding.code.'
;;
COMMENT ON COLUMN patient_identifier.use_code IS 'Its use. Allowed: by kind: IPP usual or temp or secondary or old, INS-NIR official or old, INS-NIA official or old, INS-NIR-TEST official, INS-NIR-DEMO official, INS-C secondary, NDP secondary, RRI secondary. FHIR: Patient.identifier.use.'
;;
COMMENT ON COLUMN patient_identifier.system IS 'The system that it is a number of. Allowed: by kind: INS-NIR urn:oid:1.2.250.1.213.1.4.8, INS-NIA urn:oid:1.2.250.1.213.1.4.9, INS-NIR-TEST urn:oid:1.2.250.1.213.1.4.10, INS-NIR-DEMO urn:oid:1.2.250.1.213.1.4.11, INS-C urn:oid:1.2.250.1.213.1.4.2, NDP urn:oid:1.2.250.1.176.1.2, of others none that begins with urn:oid:1.2.250.1.213.1.4.; an absolute URI of 3 to 200 characters, its scheme in small letters. FHIR: Patient.identifier.system.'
;;
COMMENT ON COLUMN patient_identifier.value IS 'The number. Allowed: 1 to 64 characters in one line, no blank at either end. FHIR: Patient.identifier.value.'
;;
COMMENT ON COLUMN patient_identifier.assigned_on IS 'First day that it counts. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Patient.identifier.period.start.'
;;
COMMENT ON COLUMN patient_identifier.ended_on IS 'Last day that it counts. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Patient.identifier.period.end.'
;;
COMMENT ON COLUMN patient_identifier.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE place IS 'The physical places of an EJ: wards, rooms, beds and their like. A row becomes a Location. Allowed: latitude and longitude are both there or both empty.'
;;
COMMENT ON COLUMN place.id IS 'The number that FHIR''s id is made of, after a word for the kind: uh-<id>, room-<id>, bed-<id>; kept for life. Allowed: more than 0. FHIR: Location.id.'
;;
COMMENT ON COLUMN place.ej_id IS 'The EJ that the place belongs to; it is what manages a place without a unit. Allowed: the id of a row of ej. FHIR: Location.managingOrganization.reference.'
;;
COMMENT ON COLUMN place.kind IS 'What kind of place it is; UH is a ward as a place (unite d''hebergement), which has no type in FR Core. It is part of the FHIR id, so that another kind is another Location. Allowed: one of UH, ROOM (CHAMB), BED (LIT), BUILDING (BAT), FLOOR (ETAG), CORRIDOR (COUL), WING (AILE), BOX, PLATFORM (PL_TECH), COLLECTION_POINT (PNT_CLCT), DELIVERY_POINT (PNT_LVRSN), EXAM_ROOM (SL_EXM), CONSULTATION_ROOM (SL_CONS). FHIR: Location.physicalType.coding.code, Location.type.coding.code, Location.id.'
;;
COMMENT ON COLUMN place.parent_id IS 'The place that it is part of; empty where there is none. No cycles, 64 levels at most. Allowed: not the place itself; the id of a row of place of the same EJ. FHIR: Location.partOf.reference.'
;;
COMMENT ON COLUMN place.uf_id IS 'The unit that manages it. Allowed: the id of a row of org_unit of the same EJ. FHIR: Location.managingOrganization.reference.'
;;
COMMENT ON COLUMN place.code IS 'The EJ''s own number of the place, in the system that namespace has for PLACE; unique within EJ and kind. Allowed: 1 to 64 characters in one line, no blank at either end. FHIR: Location.identifier.value.'
;;
COMMENT ON COLUMN place.name IS 'Name. Allowed: 1 to 200 characters in one line, no blank at either end. FHIR: Location.name.'
;;
COMMENT ON COLUMN place.description IS 'What distinguishes it. Allowed: 1 to 1000 characters in one line, no blank at either end. FHIR: Location.description.'
;;
COMMENT ON COLUMN place.status IS 'Whether it is in use. Allowed: one of active, suspended, inactive. FHIR: Location.status.'
;;
COMMENT ON COLUMN place.operational_status IS 'What state it is in (v2-0116). Allowed: one of C (Closed), H (Housekeeping), I (Isolated), K (Contaminated), O (Occupied), U (Unoccupied). FHIR: Location.operationalStatus.code.'
;;
COMMENT ON COLUMN place.room_type IS 'Of a room: its type (fr-core-cs-location-type-chambre). Allowed: one of STD, PRSN_NGTV, PRSN_PSTV, CRCRL, CPTN; only where kind = ''ROOM''. FHIR: Location.extension(''fr-core-location-type-chambre'').valueCoding.code.'
;;
COMMENT ON COLUMN place.bed_position IS 'Of a bed: where in the room it stands (fr-core-cs-location-position-lit). Allowed: one of FNTR, CLR, ML; only where kind = ''BED''. FHIR: Location.extension(''fr-core-location-position-lit'').valueCoding.code.'
;;
COMMENT ON COLUMN place.phone IS 'Telephone. Allowed: 1 to 40 characters in one line, no blank at either end. FHIR: Location.telecom.where(system=''phone'').value.'
;;
COMMENT ON COLUMN place.latitude IS 'Latitude in degrees (WGS 84). Allowed: -90 to 90. FHIR: Location.position.latitude.'
;;
COMMENT ON COLUMN place.longitude IS 'Longitude in degrees (WGS 84). Allowed: -180 to 180. FHIR: Location.position.longitude.'
;;
COMMENT ON COLUMN place.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE venue IS 'The venues: stays and visits of patients. A row becomes an Encounter, whose status, period, class and histories follow from its active movements.'
;;
COMMENT ON COLUMN venue.id IS 'The number that FHIR''s id ven-<id> is made of; kept for life. Allowed: more than 0. FHIR: Encounter.id.'
;;
COMMENT ON COLUMN venue.ej_id IS 'The EJ that the row belongs to. Allowed: the id of a row of ej. Not exported.'
;;
COMMENT ON COLUMN venue.patient_id IS 'The patient whose stay it is. Allowed: the id of a row of patient of the same EJ. FHIR: Encounter.subject.reference.'
;;
COMMENT ON COLUMN venue.venue_no IS 'The EJ''s number of the venue (VN); unique within the EJ. Allowed: 1 to 64 characters in one line, no blank at either end. FHIR: Encounter.identifier.where(use=''official'').value.'
;;
COMMENT ON COLUMN venue.nda IS 'The number of the billing file that it is in (numero de dossier administratif). Allowed: 1 to 64 characters in one line, no blank at either end. FHIR: Encounter.identifier.where(type.coding.code=''AN'').value, Encounter.account.identifier.value.'
;;
COMMENT ON COLUMN venue.preadmission_no IS 'The number that it had as a pre-admission. Allowed: 1 to 64 characters in one line, no blank at either end. FHIR: Encounter.identifier.where(use=''temp'').value.'
;;
COMMENT ON COLUMN venue.patient_class IS 'The class of patient (PV1-2) until a movement says another: E emergency, I inpatient, O outpatient, R recurring, V virtual. Allowed: one of E (EMER), I (IMP), O (AMB), R (AMB), V (VR). FHIR: Encounter.class.code, Encounter.classHistory.class.code.'
;;
COMMENT ON COLUMN venue.admission_type IS 'How the patient was admitted (PV1-4: v2-0007, fr-core-cs-type-admission). Allowed: one of C, L, N, R, U, RM, IE. FHIR: Encounter.type.coding.code.'
;;
COMMENT ON COLUMN venue.activity_type IS 'Type of activity (fr-core-cs-type-activite) until a movement says another. Allowed: one of 01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 30, 31, 32, 33, 34, 37, 38, 39, 40, 41, 97. FHIR: Encounter.type.coding.where(system.endsWith(''/fr-core-cs-type-activite'')).code.'
;;
COMMENT ON COLUMN venue.service_discipline IS 'Discipline of service (fr-core-cs-discipline-prestation). Allowed: 1 to 20 of A-Z, a-z, 0-9, _, . and -. FHIR: Encounter.serviceType.coding.code.'
;;
COMMENT ON COLUMN venue.admit_source IS 'Where the patient came from (PV1-14, v2-0023 as PAM France has it); 90 and 91 are exported as text. Allowed: one of 1, 3, 4, 6, 7, 8, 90, 91. FHIR: Encounter.hospitalization.admitSource.coding.code, Encounter.hospitalization.admitSource.text.'
;;
COMMENT ON COLUMN venue.expected_admit_at IS 'When the patient is expected; exported until a movement starts the stay. Allowed: an instant from 1850-01-01T00:00:00Z to 2199-12-31T23:59:59Z, in whole seconds. FHIR: Encounter.period.start.'
;;
COMMENT ON COLUMN venue.expected_discharge_on IS 'When the discharge is expected. Allowed: a date from 1850-01-01 to 2199-12-31. FHIR: Encounter.extension(''fr-core-estimated-discharge-date'').valueDate.'
;;
COMMENT ON COLUMN venue.discharge_disposition IS 'How the stay ended (PV1-36, fr-core-cs-circonstances-sortie); exported once the venue is finished. Allowed: one of 2, 3, 4, 5, 6, R, E, F, A, P, S, B, REO, PSA. FHIR: Encounter.hospitalization.dischargeDisposition.coding.code.'
;;
COMMENT ON COLUMN venue.origin_finess IS 'FINESS number of the establishment that the patient came from. Allowed: 9 characters: digits, the second may be A or B. FHIR: Encounter.hospitalization.origin.identifier.value.'
;;
COMMENT ON COLUMN venue.destination_finess IS 'FINESS number of the establishment that the patient went to; exported once the venue is finished. Allowed: 9 characters: digits, the second may be A or B. FHIR: Encounter.hospitalization.destination.identifier.value.'
;;
COMMENT ON COLUMN venue.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
;;
COMMENT ON TABLE movement IS 'The movements of venues, each the beginning of a period in which nothing changes. A row becomes an Encounter that is part of its venue''s, where movements are asked for, and shapes the venue''s.'
;;
COMMENT ON COLUMN movement.id IS 'The number that FHIR''s id mvt-<id> is made of, where movements are exported; kept for life. Allowed: more than 0. FHIR: Encounter.id.'
;;
COMMENT ON COLUMN movement.ej_id IS 'The EJ that the row belongs to. Allowed: the id of a row of ej. Not exported.'
;;
COMMENT ON COLUMN movement.venue_id IS 'The venue that it is a step of. Allowed: the id of a row of venue of the same EJ. FHIR: Encounter.partOf.reference.'
;;
COMMENT ON COLUMN movement.movement_no IS 'The EJ''s number of the movement (MN); unique within the EJ. Allowed: 1 to 64 characters in one line, no blank at either end. FHIR: Encounter.identifier.where(type.coding.code=''MN'').value.'
;;
COMMENT ON COLUMN movement.started_at IS 'When it takes effect; the next movement ends it. Allowed: an instant from 1850-01-01T00:00:00Z to 2199-12-31T23:59:59Z, in whole seconds. FHIR: Encounter.period.start, Encounter.period.end, Encounter.statusHistory.period.start, Encounter.classHistory.period.start, Encounter.location.period.start.'
;;
COMMENT ON COLUMN movement.trigger_event IS 'The event (PAM): A05 pre-admission, A14 pending admission, A01 admission, A04 arrival of an outpatient or an emergency, A06 to inpatient, A07 to outpatient, A02 transfer, A54 another attending doctor, A15 pending transfer, A16 pending discharge, A21 leave, A22 return, A03 discharge. Allowed: one of A01, A02, A03, A04, A05, A06, A07, A14, A15, A16, A21, A22, A54. FHIR: Encounter.type.coding.where(system.endsWith(''/movement-event'')).code, Encounter.status, Encounter.statusHistory.status.'
;;
COMMENT ON COLUMN movement.state IS 'Whether it counts: one that is cancelled is not exported and has never been for its venue, which is cancelled where no movement counts. Allowed: one of active, cancelled. FHIR: Encounter.status.'
;;
COMMENT ON COLUMN movement.nature IS 'What changes (ZBE-9), a set of letters; without H or L a transfer changes no place. Allowed: one of S, H, M, L, D, SM, SH, MH, LD, HMS, C, MC, MHC, HMSC. FHIR: Encounter.type.coding.where(system.endsWith(''/movement-nature'')).code.'
;;
COMMENT ON COLUMN movement.patient_class IS 'The class of patient (PV1-2) from then on; empty where it stays. Allowed: one of E (EMER), I (IMP), O (AMB), R (AMB), V (VR). FHIR: Encounter.class.code, Encounter.classHistory.class.code.'
;;
COMMENT ON COLUMN movement.activity_type IS 'Type of activity (fr-core-cs-type-activite) from then on; empty where it stays. Allowed: one of 01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 30, 31, 32, 33, 34, 37, 38, 39, 40, 41, 97. FHIR: Encounter.type.coding.where(system.endsWith(''/fr-core-cs-type-activite'')).code.'
;;
COMMENT ON COLUMN movement.uf_heb_id IS 'The UF that accommodates the patient from then on. Allowed: the id of a row of org_unit of the same EJ. FHIR: Encounter.type.coding.where(system.endsWith(''/accommodation-unit'')).code.'
;;
COMMENT ON COLUMN movement.uf_med_id IS 'The UF with the medical responsibility from then on. Allowed: the id of a row of org_unit of the same EJ. FHIR: Encounter.serviceProvider.reference.'
;;
COMMENT ON COLUMN movement.uf_care_id IS 'The UF that cares for the patient from then on. Allowed: the id of a row of org_unit of the same EJ. FHIR: Encounter.type.coding.where(system.endsWith(''/care-unit'')).code.'
;;
COMMENT ON COLUMN movement.uh_id IS 'The ward (UH) where the patient is from then on. Allowed: the id of a row of place of the same EJ. FHIR: Encounter.location.location.reference.'
;;
COMMENT ON COLUMN movement.room_id IS 'The room where the patient is from then on. Allowed: the id of a row of place of the same EJ. FHIR: Encounter.location.location.reference.'
;;
COMMENT ON COLUMN movement.bed_id IS 'The bed where the patient is from then on. Allowed: the id of a row of place of the same EJ. FHIR: Encounter.location.location.reference.'
;;
COMMENT ON COLUMN movement.attending_rpps IS 'RPPS number of the attending doctor. Allowed: 11 digits. FHIR: Encounter.participant.individual.identifier.value.'
;;
COMMENT ON COLUMN movement.attending_name IS 'Name of the attending doctor. Allowed: 1 to 100 characters in one line, no blank at either end. FHIR: Encounter.participant.individual.display.'
;;
COMMENT ON COLUMN movement.expected_return_at IS 'When a patient on leave is expected back, at the most precise place that it names. Allowed: an instant from 1850-01-01T00:00:00Z to 2199-12-31T23:59:59Z, in whole seconds; only where coalesce(bed_id, room_id, uh_id) IS NOT NULL. FHIR: Encounter.location.where(status=''planned'').period.start.'
;;
COMMENT ON COLUMN movement.derived IS 'Whether an import made it of the summary of a venue that came without movements; whoever writes real movements of that venue deletes it. Allowed: true or false. Not exported.'
;;
COMMENT ON COLUMN movement.updated_at IS 'When the row was last written; a trigger keeps it. Not exported.'
