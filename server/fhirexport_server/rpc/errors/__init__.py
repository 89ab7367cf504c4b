"""How errors are told to callers: a status with one `google.rpc.ErrorInfo`, and what else helps (AIP-193)."""
