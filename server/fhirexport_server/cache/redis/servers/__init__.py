"""The servers of Redis, as one: a single one, the primary that Sentinel names, or a cluster."""
