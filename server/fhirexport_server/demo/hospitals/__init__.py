"""Legal entities of the demo: their plans, and their rows."""
