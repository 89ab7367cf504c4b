"""Shows that what begins as a server ends comes to an end as well: gRPC itself can forget a stream then."""

from threading import Event, Thread

import pytest
from fhirexport import Client, ExportError
from fhirexport._internal import retries
from fhirexport.testing import FakeServer
from support.server import PATIENCE

TIMES = 30
ANNE = [{"resourceType": "Patient", "id": "pat-1"}]


def _export_until_it_fails(client: Client, failed: Event) -> None:
    try:
        while True:
            client.patients(1).read()
    except ExportError:
        failed.set()


@pytest.mark.parametrize("_turn", range(TIMES))
def test_an_export_that_begins_as_its_server_ends_fails(_turn: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "ATTEMPTS", 1)
    failed = Event()
    with FakeServer() as server, Client(server.address, timeout=PATIENCE / 2) as client:
        server.put(1, "patients", ANNE)
        loop = iter(client.watch(1, "patients"))
        assert next(loop).revision == "fake-1"
        Thread(target=_export_until_it_fails, args=(client, failed), daemon=True).start()

        server.stop()

        assert failed.wait(PATIENCE)
