"""The present moment of the demo, which is fixed: the demo never asks for the time."""

from datetime import UTC, date, datetime

REFERENCE = datetime(2026, 6, 15, 6, 0, tzinfo=UTC)
TODAY = date(2026, 6, 15)
