"""How renderings lie in Redis, as bytes: packed, bounded, and verified when they are unpacked."""
