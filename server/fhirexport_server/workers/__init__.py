"""Several processes on one port: the parent that starts them, and what it and they tell each other."""
