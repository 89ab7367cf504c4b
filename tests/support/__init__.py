"""Owns what several tests share: databases, servers, generated hospitals."""
