"""Owns the version: the distribution, the user agent, health and build info all print this one."""

__version__ = "0.1.0"
