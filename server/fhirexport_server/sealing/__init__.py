"""What is kept outside the process is sealed: AES-256-GCM, bound to the place that it belongs to."""
