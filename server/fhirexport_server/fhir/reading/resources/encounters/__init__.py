"""Reads Encounters: venues and movements."""
