"""JSON that comes from outside: decoded strictly, walked with a cursor, its problems noted by path."""
