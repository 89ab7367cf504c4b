"""The version of the distribution, of the user agent and of the build info in the metrics."""

__version__ = "0.1.0"
