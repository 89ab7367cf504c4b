"""Reading resources into drafts of rows, each by itself."""
