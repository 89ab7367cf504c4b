"""Owns writing an import: look-ups by the thousand, rows in bulk, and what was answered to whom."""
