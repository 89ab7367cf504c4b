"""The gRPC layer: messages, statuses, health, the server. No other package but `app.py` knows gRPC."""
