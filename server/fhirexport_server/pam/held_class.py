"""The patient class that holds between the movements of a venue, in PV1-2 or FHIR codes."""

from collections.abc import Iterable, Iterator

from fhirexport_server.pam.events import ANNOUNCEMENTS, says_where


class HeldClass:
    """The class that holds after each movement, and whether the patient has arrived."""

    __slots__ = ("code", "present")

    def __init__(self, code: str) -> None:
        """Start with the class of a venue before any movement."""
        self.code = code
        self.present = False

    def take(self, trigger_event: str, code: str | None) -> None:
        """Apply a movement, which may have a class.

        An announcement while the patient is there is about the future, and changes nothing.
        """
        if code is not None and not (trigger_event in ANNOUNCEMENTS and self.present):
            self.code = code
        self.present = self.present or says_where(trigger_event)


def new_classes(before: str, movements: Iterable[tuple[str, str | None]]) -> Iterator[str | None]:
    """Yield the class of each movement if it differs from the one that holds, otherwise None.

    Args:
        before: The class of the venue before any movement.
        movements: The event and class of each movement, in their order.
    """
    held = HeldClass(before)
    for trigger_event, code in movements:
        yield None if code == held.code else code
        held.take(trigger_event, code)
