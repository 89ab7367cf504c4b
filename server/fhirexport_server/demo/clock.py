"""Owns the moment at which the demo's group stands still: nothing here ever asks for the time."""

from datetime import UTC, date, datetime

REFERENCE = datetime(2026, 6, 15, 6, 0, tzinfo=UTC)
TODAY = date(2026, 6, 15)
