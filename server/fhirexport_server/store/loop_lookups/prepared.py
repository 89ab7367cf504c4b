"""The messages that look revisions up on one connection, and which statements are prepared on it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from fhirexport_server.domain.datasets import Dataset, EjDataset
from fhirexport_server.store.guard.guard import Known

_GONE: Final = b"26000"
"""There is no such prepared statement."""
_THERE_ALREADY: Final = b"42P05"


class Prepared:
    """What is prepared on a connection.

    A name is that of a text, so that it means the same on whichever connection of a pooler it is found.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._lasts = True
        """Whether what is prepared is there for the next message."""

    def message(self, known: Mapping[Dataset, Known], exports: Iterable[EjDataset]) -> bytes:
        """Return the message that looks exports up, with one result for each dataset, in their order."""
        ej_ids: defaultdict[Dataset, list[str]] = defaultdict(list)
        for export in exports:
            ej_ids[export.dataset].append(str(export.ej_id))
        script = []
        for dataset, state in known.items():
            of_dataset = f"'{{{','.join(ej_ids[dataset])}}}'::pg_catalog.int8[]"
            batched = state.source.batched
            if not self._lasts:
                script.append(batched.replace("$1", of_dataset).replace("$2", f"'{dataset.value}'"))
                continue
            name = self._names.get(batched)
            if name is None:
                name = self._names[batched] = (
                    f"fhirexport_{hashlib.sha256(batched.encode()).hexdigest()[:32]}"
                )
                script.append(f"PREPARE {name} (pg_catalog.int8[], pg_catalog.text) AS {batched}")
            script.append(f"EXECUTE {name} ({of_dataset}, '{dataset.value}')")
        if self._lasts:
            # A plan for these values alone would be made anew each time.
            script.insert(0, "SET LOCAL plan_cache_mode = force_generic_plan")
        return ";".join(script).encode()

    def is_lost(self, state: bytes | None) -> bool:
        """Return whether an error says that what is prepared does not last; then nothing more is prepared."""
        if state not in {_GONE, _THERE_ALREADY}:
            return False
        self._lasts = False
        return True
