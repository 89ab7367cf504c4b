"""Admission: which calls and messages a server accepts, how many, how large, for how long, from whom."""
