"""Shows that the fake server goes on while watches of its health come and go."""

from threading import Thread

import grpc
from fhirexport.testing import FakeServer
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.server import PATIENCE

TURNS = 100
WATCHERS = 4
SERVING = health_pb2.HealthCheckResponse.SERVING
REQUEST = health_pb2.HealthCheckRequest(service="fhirexport.v1.ExportService")


def _come_and_go(stub: health_pb2_grpc.HealthStub) -> None:
    for _ in range(TURNS):
        watch = stub.Watch(REQUEST, timeout=PATIENCE / 2)
        assert next(watch).status == SERVING
        watch.cancel()


def test_watches_of_the_health_that_come_and_go_stop_nothing() -> None:
    with FakeServer() as server, grpc.insecure_channel(server.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        threads = [Thread(target=_come_and_go, args=(stub,), daemon=True) for _ in range(WATCHERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

        assert stub.Check(REQUEST, timeout=PATIENCE / 2).status == SERVING
        assert not any(thread.is_alive() for thread in threads)
