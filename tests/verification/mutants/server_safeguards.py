"""What keeps a server of the database that shows the past from being believed."""

from verification.mutants.mutant import Mutant

OF_SERVERS = (
    Mutant(
        "a replica that lags will do",
        "fhirexport_server/store/database.py",
        "if snapshot.revision(ej_id, dataset) == revision:",
        "if snapshot.revision(ej_id, dataset):",
        "tests/verification/cluster/check_failover.py",
    ),
    Mutant(
        "a former primary is believed",
        "fhirexport_server/store/connection/fence.py",
        "return standing.timeline < self._highest.get(standing.system, 0)",
        "return False",
        "tests/verification/cluster/check_failover.py",
    ),
)
