"""What a run of fuzzing has seen of one target."""

import msgspec


class Tried(msgspec.Struct):
    """One target: how often it was tried, how that ended, and how much memory it took."""

    target: str
    seed: int
    tries: int = 0
    seconds: float = 0.0
    ended: dict[str, int] = {}
    """Tries by how they ended, as they may."""
    wrong: list[str] = []
    """What must not be: errors that nobody foresaw, and answers that are not right; the first of them."""
    wrongs: int = 0
    """How many these were in all."""
    early_mib: float = 0.0
    """Memory in use after a tenth of the time."""
    most_mib: float = 0.0
    """The most memory that was in use."""

    MOST_MIB = 1024.0
    MOST_GROWN_MIB = 200.0
    _SHOWN = 5

    def ends(self, how: str) -> None:
        """Count a try."""
        self.tries += 1
        self.ended[how] = self.ended.get(how, 0) + 1

    def goes_wrong(self, what: str) -> None:
        """Record what must not be."""
        self.wrongs += 1
        if len(self.wrong) < self._SHOWN:
            self.wrong.append(what)

    def failures(self) -> list[str]:
        """Return why this run has failed; nothing where it has not."""
        failures = [f"{self.target}: {one}" for one in self.wrong]
        if self.tries == 0:
            failures.append(f"{self.target}: nothing was tried")
        if self.most_mib > self.MOST_MIB or self.most_mib - self.early_mib > self.MOST_GROWN_MIB:
            failures.append(
                f"{self.target}: memory went from {self.early_mib:.0f} to {self.most_mib:.0f} MiB"
            )
        return failures
