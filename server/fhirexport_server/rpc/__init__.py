"""Owns all that knows gRPC: messages, statuses, health, the server. Everything below it is plain Python."""
