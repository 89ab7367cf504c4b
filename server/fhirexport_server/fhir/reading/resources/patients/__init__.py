"""Reads Patients."""
