"""JSON from outside: a strict decoder, a cursor, and problems with their paths."""
