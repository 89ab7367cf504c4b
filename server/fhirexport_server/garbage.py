"""Owns how often Python looks for garbage that reference counts do not free.

Exports and imports make millions of objects and hardly a cycle. Looked for as often as Python does unless
told otherwise, cycles took 40 % of an import's time.
"""

import gc
from typing import Final

_COLLECTED_AFTER: Final = (50_000, 20, 10)


def collect_rarely() -> None:
    """Looks at nothing that is there already, and at the rest less often. For a whole process."""
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
