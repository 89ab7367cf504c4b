"""Which class holds between the movements of a venue, in codes of ours or of FHIR's."""

from collections.abc import Iterable, Iterator

from fhirexport_server.pam.events import ANNOUNCEMENTS, says_where


class HeldClass:
    """The class that holds, from one movement to the next, and whether the patient is there."""

    __slots__ = ("code", "present")

    def __init__(self, code: str) -> None:
        """Begin with the class that a venue has before any movement."""
        self.code = code
        self.present = False

    def take(self, trigger_event: str, code: str | None) -> None:
        """Take a movement that names a class, or none.

        An announcement while the patient is there says what will be, not what is.
        """
        if code is not None and not (trigger_event in ANNOUNCEMENTS and self.present):
            self.code = code
        self.present = self.present or says_where(trigger_event)


def new_classes(before: str, movements: Iterable[tuple[str, str | None]]) -> Iterator[str | None]:
    """Yield the class of each movement where it is not the one that holds anyway, else None.

    Args:
        before: The class that the venue has before any movement.
        movements: The event and the class of each, in their order.
    """
    held = HeldClass(before)
    for trigger_event, code in movements:
        yield None if code == held.code else code
        held.take(trigger_event, code)
