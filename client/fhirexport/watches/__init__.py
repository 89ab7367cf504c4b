"""Watches of the revisions that datasets have, for both kinds of client."""
