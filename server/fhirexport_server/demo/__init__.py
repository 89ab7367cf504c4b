"""The demo: an invented French hospital group as rows. Equal seeds give equal rows everywhere."""
