#!/bin/sh
# Makes what deploy/compose/compose.yaml calls secrets, once: passwords, a token for an operator, a policy, and
# certificates to try it with, valid for thirty days. Needs fhirexport-server on the PATH.
set -eu
umask 077
cd "$(dirname "$0")"
if [ -e secrets ]; then
  echo "deploy/compose/secrets is there already: nothing was changed" >&2
  exit 1
fi
mkdir secrets
cd secrets
password() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
password > OWNER_PASSWORD
password > SERVER_PASSWORD
password > grafana-password
valkey=$(password)
socket='host=/var/run/postgresql'
printf 'postgresql://owner:%s@/fhirexport?%s' "$(cat OWNER_PASSWORD)" "$socket" > OWNER_DATABASE_URL
printf 'postgresql://fhirexport:%s@/fhirexport?%s' "$(cat SERVER_PASSWORD)" "$socket" > DATABASE_URL
printf 'unix:///run/valkey/valkey.sock?username=fhirexport&password=%s' "$valkey" > REDIS_URL
printf 'user default off\nuser fhirexport on >%s resetkeys ~fhir:export:* ~{fhir:export:* -@all +@read +@write +@scripting +@connection +@transaction +time -@dangerous +info +select +client|setname\n' "$valkey" > valkey.acl
fhirexport-server certificates demo certificates --name localhost --name 127.0.0.1 --name fhirexport > certificates.txt
mv certificates/*.pem .
rm -r certificates certificates.txt
fhirexport-server tokens add operator --file tokens.toml > operator.token
cat > policy.toml <<'POLICY'
[[callers]]
name = "operator"
token = "operator"
rights = ["export:*:*", "import:*", "cache:admin"]
POLICY
# The folder is for its owner alone; in the containers, others than its owner read these files.
chmod 644 ./*
chmod 600 operator.token
echo "Made deploy/compose/secrets: operator.token is a caller's, and ca.pem what it trusts."
