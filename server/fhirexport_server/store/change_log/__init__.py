"""The log of changes as exports read it: which patients or venues were touched since an earlier snapshot.

A *position* is what an earlier snapshot remembers of its revision's parts. What it gives is believed only
where it accounts for the whole difference of the two revisions.
"""
