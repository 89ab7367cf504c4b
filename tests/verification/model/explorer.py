"""Explores every interleaving of a small model; returns the shortest way to a wrong state."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple, TypeVar

State = TypeVar("State", bound=Hashable)


class Outcome(NamedTuple):
    """What a walk found.

    `trace` names the steps of a shortest way to a wrong state; it is empty where every state is right.
    """

    states: int
    transitions: int
    trace: tuple[str, ...]


def explore(
    initial: State, steps: Callable[[State], Iterable[tuple[str, State]]], holds: Callable[[State], bool]
) -> Outcome:
    """Visit breadth first every state that `steps` leads to, until one of them does not hold."""
    came_from: dict[State, tuple[str, State] | None] = {initial: None}
    waiting = deque([initial])
    transitions = 0
    while waiting:
        state = waiting.popleft()
        for name, following in steps(state):
            transitions += 1
            if following in came_from:
                continue
            came_from[following] = (name, state)
            if not holds(following):
                return Outcome(len(came_from), transitions, _way_to(following, came_from))
            waiting.append(following)
    return Outcome(len(came_from), transitions, ())


def _way_to(state: State, came_from: dict[State, tuple[str, State] | None]) -> tuple[str, ...]:
    names: list[str] = []
    while (step := came_from[state]) is not None:
        name, state = step
        names.append(name)
    return tuple(reversed(names))
