"""How many random examples a test has: some in `make test`, all of them in `make verify`."""

from typing import Final

from hypothesis import HealthCheck, Phase, settings

USUAL: Final = 100
"""How many a test has that does not say how many it needs."""
_SOME: Final = 30

# An example that takes long on a busy machine says nothing of the code.
settings.register_profile("some", deadline=None, max_examples=_SOME)
settings.register_profile("all", deadline=None, max_examples=USUAL)
# For who wants to know whether a test fails, and not of the smallest example.
_PHASES: Final = (Phase.explicit, Phase.generate)
settings.register_profile("first", deadline=None, max_examples=USUAL, phases=_PHASES)
settings.load_profile("some")  # until --hypothesis-profile names the other


def examples(number: int, *suppressed: HealthCheck) -> settings:
    """Return the settings of a test that needs so many examples in `make verify`."""
    here = number * settings().max_examples // USUAL
    return settings(max_examples=max(1, here), suppress_health_check=suppressed)
