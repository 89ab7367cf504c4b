"""Try one target in a process of its own, which may crash."""

import faulthandler
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from time import monotonic
from traceback import extract_tb

import msgspec
from verification.fuzz import credentials, decoders, readers
from verification.fuzz.tried import Tried

Target = Callable[[Random], str]
TARGETS: Mapping[str, Target] = {
    "bundles": readers.bundles,
    "lines": readers.lines,
    "tokens": credentials.tokens,
    "certificates": credentials.certificates,
    "files": credentials.files,
    "heads": decoders.heads,
    "manifests": decoders.manifests,
    "segments": decoders.segments,
    "keys-files": decoders.keys_files,
}
"""What is tried inside a process. Each returns how a try ended, and raises where that must not be."""
_KIB = 1024
_FRAMES = 6


def tried(name: str, seconds: float, seed: int) -> Tried:
    """Try a target for so long. A try follows from the seed and its number, so that it can be repeated."""
    target, run, begun = TARGETS[name], Tried(name, seed), monotonic()
    while (passed := monotonic() - begun) < seconds:
        number = run.tries
        try:
            run.ends(target(Random(f"{seed}:{number}")))
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            run.ends("WRONG")
            run.goes_wrong(f"try {number} of seed {seed}: {type(error).__name__}: {error} ({_where(error)})")
        if not run.early_mib and passed > seconds / 10:
            run.early_mib = _mib("VmRSS")
    run.seconds, run.most_mib = monotonic() - begun, _mib("VmHWM")
    run.early_mib = run.early_mib or run.most_mib
    return run


def _where(error: Exception) -> str:
    return " > ".join(
        f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-_FRAMES:]
    )


def _mib(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) / _KIB


def main() -> None:
    """Try, and print what was seen."""
    faulthandler.enable()
    name, seconds, seed = sys.argv[1:]
    sys.stdout.write(msgspec.json.encode(tried(name, float(seconds), int(seed))).decode())


if __name__ == "__main__":
    main()
