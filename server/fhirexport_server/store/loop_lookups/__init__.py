"""Look-ups in the event loop, without a thread."""
