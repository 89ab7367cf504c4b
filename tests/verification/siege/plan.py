"""What the processes of a siege are told, and what they tell of it."""

import sys
from time import monotonic
from typing import Self, TypeVar

import msgspec
from verification.siege.reaching import Target

T = TypeVar("T", bound="Given")


class Given(msgspec.Struct, frozen=True):
    """What a child process is started with."""

    target: Target

    @classmethod
    def read(cls) -> Self:
        """Return what this process was started with."""
        return msgspec.json.decode(sys.argv[1], type=cls)


class CallerPlan(Given, frozen=True):
    """What a well-behaved caller does."""

    asks_health: bool
    """Whether it asks for the server's health alone; else it exports."""
    seconds_between: float
    """How long after the beginning of one call the next one begins, unless that one takes longer."""


class AttackPlan(Given, frozen=True):
    """What an attacker does."""

    attack: str
    seconds: float
    """How long it attacks at least."""
    messages: int
    """How many messages it sends at least, if it can in `most_seconds`."""
    most_seconds: float
    seed: int
    pause: float = 0.0
    """How long a connection rests after each thing that it does, in seconds."""


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """One call of a well-behaved caller."""

    begun: float
    """On CLOCK_MONOTONIC, which all processes of a machine share."""
    seconds: float
    code: str
    """A name of grpc.StatusCode; where it is not OK, with what was said."""


class Sent(msgspec.Struct):
    """What an attacker has sent, and how it was answered."""

    calls: int = 0
    messages: int = 0
    size_bytes: int = 0
    answers: dict[str, int] = {}
    """Calls by how they ended: a name of grpc.StatusCode, or what became of the stream."""

    def ended(self, how: str, count: int = 1) -> None:
        """Count calls that have ended."""
        self.answers[how] = self.answers.get(how, 0) + count

    def add(self, *messages: bytes, size: int | None = None) -> None:
        """Count a call with these messages, of which so many bytes are sent."""
        self.calls += 1
        self.messages += len(messages)
        self.size_bytes += sum(map(len, messages)) if size is None else size


class Assault:
    """An attack under way: what it is to do, until when, and what it has sent."""

    def __init__(self, plan: AttackPlan) -> None:
        self.plan = plan
        self.sent = Sent()
        self._begun = monotonic()

    @property
    def goes_on(self) -> bool:
        """Whether there is more to send."""
        seconds = monotonic() - self._begun
        if seconds < self.plan.seconds:
            return True
        return self.sent.messages < self.plan.messages and seconds < self.plan.most_seconds
