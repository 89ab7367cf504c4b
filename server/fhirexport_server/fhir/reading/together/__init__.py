"""What the drafts of one import say together: references between them, and whole stays."""
