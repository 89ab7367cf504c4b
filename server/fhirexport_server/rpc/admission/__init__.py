"""Which calls and messages a server takes: how many, how large, for how long, and from whom."""
