-- The login of the server: no owner of anything, with the rights of deploy/grants.sql. Run again, it changes the password.
\set password `cat "${SERVER_PASSWORD_FILE:-/run/secrets/SERVER_PASSWORD}"`
SELECT 'CREATE ROLE fhirexport LOGIN IN ROLE fhirexport_server'
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fhirexport') \gexec
ALTER ROLE fhirexport PASSWORD :'password';
