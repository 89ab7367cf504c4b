"""What callers share fairly: places for work, and the time of the event loop."""
