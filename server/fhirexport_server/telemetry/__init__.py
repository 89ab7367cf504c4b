"""What operators see of a running server: its log, metrics, traces, and how late its event loop is."""
