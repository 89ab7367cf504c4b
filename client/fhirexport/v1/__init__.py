"""Owns nothing by hand: what protos/generate.py writes."""
