"""The demo's patients: who they are, and their rows."""
