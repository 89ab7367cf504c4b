"""The demo's venues: the courses that stays take, and their rows."""
