"""The triggers, as DDL: they move revisions, log changes, record deletions, maintain `updated_at`."""
