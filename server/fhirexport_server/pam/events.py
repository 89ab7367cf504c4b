"""Groups of events: announcements, leaves, discharges, and changes of the attending doctor.

Source: IHE PAM National Extension France 2.11.1.
"""

from typing import Final

ANNOUNCEMENTS: Final = frozenset({"A05", "A14", "A15", "A16"})
DISCHARGE: Final = "A03"
LEAVE: Final = "A21"
ATTENDING: Final = "A54"


def says_where(trigger_event: str) -> bool:
    """Return whether an event says where the patient is: there, on leave or gone."""
    return trigger_event not in ANNOUNCEMENTS and trigger_event != ATTENDING
