"""The demo's legal entities: what they are planned to consist of, and the rows of that."""
