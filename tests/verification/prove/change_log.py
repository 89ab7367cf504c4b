"""Meddles with the log of changes while servers and writers run: prunes it, invalidates exports."""

from random import Random

from fhirexport_server.domain.audit import AuditEntry
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.store.database import Database
from sqlalchemy import text
from support.rows import writing
from verification.prove.stamps import EJ_IDS

_ENTRY = AuditEntry("prove", "invalidate", "fhir:*", 1, "", "")
_PRUNE = """
    DELETE FROM revision_log WHERE n <= :kept * -1 + (
      SELECT n FROM revision_base AS base
      WHERE base.ej_id = revision_log.ej_id AND base.dataset = revision_log.dataset)
"""


class ChangeLog:
    """The log of a database. Each method returns that something was done."""

    def __init__(self, url: str, random: Random) -> None:
        self._url = url
        self._random = random

    def prune(self) -> bool:
        """Folds what there is on PostgreSQL, then leaves of the log of each dataset the last few rows."""
        with Database.open(self._url) as database:
            while database.compact().more:
                pass
        kept = self._random.choice((0, 3, 10, 30))
        with writing(self._url) as connection:
            connection.execute(text(_PRUNE), {"kept": kept})
        return True

    def invalidate(self) -> bool:
        """Makes an export outdated, or every EJ's."""
        ej_id, dataset = self._random.choice((0, *EJ_IDS)), self._random.choice(list(Dataset))
        with Database.open(self._url) as database:
            database.invalidate([(ej_id, dataset)], _ENTRY)
        return True
