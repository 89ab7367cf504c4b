"""Export formats: Bundles and NDJSON, as bytes."""
