"""Shows that the time of a child begins with the signal, however long it waits for it."""

import io
import sys

import pytest
from verification.prove import plan


class SlowStart(io.StringIO):
    """A signal that comes a minute after it is waited for."""

    now = 0.0

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # as typeshed has it for text
        self.now += 60.0
        return super().readline(size)


def test_the_time_begins_with_the_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = SlowStart("20.0\n")
    monkeypatch.setattr(sys, "stdin", signal)
    monkeypatch.setattr(plan, "monotonic", lambda: signal.now)
    assert plan.wait_for_start() == 80.0
