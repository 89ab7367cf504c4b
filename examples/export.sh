#!/usr/bin/env bash
# Save the structure of a legal entity as a Bundle, and its venues as NDJSON, with grpcurl and jq alone.
#
#     examples/export.sh FINESS DIRECTORY
#
# The server is FHIREXPORT_ADDRESS, localhost:50051 if left out, without TLS: for one elsewhere, see grpcurl's -cacert, -cert
# and -H. It has to describe its contract (REFLECTION).
set -euo pipefail
finess=$1 directory=$2
address=${FHIREXPORT_ADDRESS:-localhost:50051}
call() { grpcurl -plaintext -max-msg-sz 4194304 -d "$1" "$address" "fhirexport.v1.ExportService/$2"; }

mkdir -p "$directory"
ej_id=$(call "{\"finess\": \"$finess\"}" ListLegalEntities | jq -er '.legal_entities[0].ej_id')

# In one message: at most 3 MiB.
call "{\"ej_id\": \"$ej_id\"}" ExportStructure | jq -ejr .json > "$directory/structure.part"
mv "$directory/structure.part" "$directory/structure.json"

# A stream, of any size: one event after the other. It is complete when it ends with `finished`, and the sum is right.
call "{\"ej_id\": \"$ej_id\", \"dataset\": \"DATASET_VENUES\"}" StreamExport > "$directory/venues.events"
jq -jr '.chunk.json // empty' "$directory/venues.events" > "$directory/venues.part"
expected=$(jq -er '.finished.sha256 // empty' "$directory/venues.events")
echo "$expected  $directory/venues.part" | sha256sum --check --quiet
mv "$directory/venues.part" "$directory/venues.ndjson"
rm "$directory/venues.events"
echo "$(jq '.entry | length' "$directory/structure.json") units and places, $(wc -l < "$directory/venues.ndjson") venues"
