"""Shows which servers are reached without TLS, and what importing the library brings along."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from fhirexport import TLS, Client, UnavailableError
from fhirexport._internal import channels
from fhirexport._internal.channels import Server
from fhirexport.testing import FakeServer


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("localhost:50051", True),
        ("127.0.0.1:50051", True),
        ("127.8.9.1:1", True),
        ("[::1]:50051", True),
        ("dns:///localhost:50051", True),
        ("unix:/run/fhirexport.sock", True),
        ("export.hospital.example:50051", False),
        ("dns:///export:50051", False),
        ("10.0.0.1:50051", False),
        ("localhost.evil.example:50051", False),
        ("ipv4:127.0.0.1:50051,127.0.0.1:50052", True),
        ("ipv6:[::1]:50051,[::1]:50052", True),
        ("ipv4:127.0.0.1:50051,10.0.0.1:50051", False),
        ("ipv4:10.0.0.1:50051,127.0.0.1:50051", False),
    ],
)
def test_only_a_server_on_this_machine_is_reached_without_tls(target: str, local: bool) -> None:  # noqa: FBT001 - a table
    assert channels.is_local(target) is local
    assert (Server(target).credentials() is None) is local


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("one.example:50051,other.example:50051", "several servers are one name"),
        ("dns:///one.example:50051,other.example:50051", "several servers are one name"),
        ("ipv4:10.0.0.1:0,10.0.0.2:50051", "a port is a number"),
        ("ipv4:10.0.0.1:50051,10.0.0.2:70000", "a port is a number"),
    ],
)
def test_several_servers_that_lead_nowhere_are_refused(target: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        Server(target)


def test_certificates_mean_tls_also_on_this_machine() -> None:
    assert Server("localhost:50051", TLS(b"")).credentials() is not None
    assert Server("localhost:50051", tls=True).credentials() is not None


@pytest.mark.long
def test_what_the_package_offers_is_there_when_it_is_asked_for() -> None:
    program = (
        "import fhirexport, sys; assert 'grpc' not in sys.modules; from fhirexport import *; "
        "assert set(fhirexport.__all__) <= set(dir(fhirexport)) & set(globals()) | {'__version__'}; "
        "fhirexport.Client; fhirexport.errors; print(hasattr(fhirexport, 'Nonsense'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_library_brings_neither_the_server_nor_the_command_line() -> None:
    program = (
        "from fhirexport import *; import sys; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout
    assert "'fhirexport'" in loaded
    for name in ("fhirexport_server", "typer", "rich", "sqlalchemy", "redis", "msgspec"):
        assert f"'{name}'" not in loaded


def test_calls_that_failed_leave_those_after_them_their_second_attempt() -> None:
    with FakeServer() as server, Client(server.address) as client:
        server.put(1, "patients", [])
        for _ in range(8):
            server.fail("DATABASE_UNAVAILABLE", method="ListLegalEntities")
            assert [one.ej_id for one in client.entities()] == [1]


def test_a_server_that_always_fails_is_not_sent_each_call_five_times() -> None:
    def refused(client: Client) -> None:
        with pytest.raises(UnavailableError):
            list(client.entities())

    with FakeServer() as server, Client(server.address) as client, ThreadPoolExecutor(60) as pool:
        server.fail("DATABASE_UNAVAILABLE", times=None)
        assert list(pool.map(refused, [client] * 60)) == [None] * 60
        assert 60 <= len(server.calls) <= 60 + 50
