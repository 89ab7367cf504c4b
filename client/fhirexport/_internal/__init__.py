"""What the client is made of: none of this is for callers, and all of it may change."""
