"""Shows that the parent reserves a port for its workers, and takes none that somebody listens on."""

import socket
from contextlib import closing

import pytest
from fhirexport_server.runtime.listening import ListenError
from fhirexport_server.workers.shared_port import shared_port


def _listener(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::]", "0.0.0.0"])  # noqa: S104 - never listened on
def test_a_free_port_is_taken_and_shared(host: str) -> None:
    with shared_port(f"{host}:0") as address:
        named, _, port = address.rpartition(":")
        assert named == host
        assert int(port) > 0
        if host == "127.0.0.1":
            # Workers listen on it, and only they get connections.
            with closing(_listener(int(port))) as worker, socket.create_connection(("127.0.0.1", int(port))):
                worker.settimeout(10)
                worker.accept()[0].close()
            with shared_port("127.0.0.1:0") as other:
                assert other != address


def test_a_port_that_somebody_listens_on_is_refused_even_where_it_could_be_shared() -> None:
    with closing(_listener(0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ListenError), shared_port(f"127.0.0.1:{port}"):
            pass


@pytest.mark.parametrize("address", ["192.0.2.1:0", "no.such.host.invalid:0"])
def test_an_address_of_another_machine_is_refused(address: str) -> None:
    with pytest.raises(ListenError), shared_port(address):
        pass
