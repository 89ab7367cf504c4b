"""How errors reach callers: a status with one `google.rpc.ErrorInfo`, and further details (AIP-193)."""
